"""The texts and layout of the emails to signers, rendered without the features that send them."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template
from jinja2.ext import babel_extract

from petition.core import i18n
from petition.delivery.rendering import templates

TEMPLATES = Path(__file__).parents[2] / "petition" / "templates"
NAMES = ["confirm_signature", "already_signed", "reminder", "withdrawn", "personal_link"]
LINK = "https://petition.example.org/c/AQ.aXqZkw.k3v9X2mQ7rT1bN8cL5dW0s"
PAGE = "https://petition.example.org/p/internet-en-prison"


@pytest.fixture(autouse=True)
def _app() -> Iterator[None]:
    app = Flask(__name__, template_folder=str(TEMPLATES))
    i18n.init_app(app)
    templates.init_app(app)
    with app.test_request_context("/?lang=en"):
        yield


def make_context(**other: Any) -> dict[str, Any]:
    petition = {
        "title": "For Internet access in prison",
        "kind": "open_letter",
        "addressee": "Élisabeth Borne, Prime Minister",
        "sender_name": "Internet en prison",
        "url": PAGE,
    }
    signature = {
        "party": "person",
        "name": "Jeanne Martin",
        "email": "jeanne@example.org",
    }
    return {
        "petition": SimpleNamespace(**{k: other.get(k, v) for k, v in petition.items()}),
        "signature": SimpleNamespace(**{k: other.get(k, v) for k, v in signature.items()}),
        "link": LINK,
        "code": "1234 5678",
        "count": "1,234",
        "expires_on": date(2022, 10, 12),
        "confirm_within": 14,
    }


def render_part(email: str, part: str, **other: Any) -> str:
    return render_template(f"emails/{email}/{part}", **make_context(**other))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("title", ["For Internet access in prison", "A right " * 30, "Unbroken" * 30])
def test_a_subject_is_one_short_line(name: str, title: str) -> None:
    subject = render_part(name, "subject.txt", title=title.strip()).strip()
    assert "\n" not in subject
    assert "!" not in subject
    if " " in title.strip():
        assert len(subject) < 60


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("party", ["person", "organisation"])
def test_text_lines_are_short_and_the_link_stands_alone(name: str, party: str) -> None:
    text = render_part(name, "body.txt", party=party, name="Lire C'est Vivre", title="word " * 40)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 76
    assert (LINK if name != "withdrawn" else PAGE) in lines
    assert "\n\n\n" not in text
    assert "&#39;" not in text


@pytest.mark.parametrize("name", NAMES)
def test_html_escapes_input_and_loads_nothing(name: str) -> None:
    nasty = "<script>alert(1)</script>"
    html = render_part(name, "body.html", name=nasty, title=nasty, party="organisation")
    assert nasty not in html
    assert "&lt;script&gt;" in html
    assert max(len(line.encode()) for line in html.splitlines()) < 900
    assert not re.search(r"<img|<link|<script|src=|url\(|@import", html)
    assert set(re.findall(r'href="([^"]+)"', html)) <= {LINK, PAGE}
    assert '<html lang="en" dir="ltr">' in html


@pytest.mark.parametrize("name", NAMES)
def test_text_and_html_have_the_same_messages(name: str) -> None:
    def messages(part: str) -> set[str]:
        with (TEMPLATES / "emails" / name / part).open("rb") as file:
            found = [message for _, _, message, _ in babel_extract(file, ["_", "ngettext"], [], {})]
        return {str(message) for message in found if "%(petition)s" in str(message) or "." in str(message)}

    subject = messages("subject.txt")
    html = (TEMPLATES / "emails" / name / "body.html").read_text()
    preheader = set(re.findall(r'preheader_text %}\{\{ _\("(.*?)"\)', html))
    assert len(preheader) == 1
    assert messages("body.html") - subject - preheader == messages("body.txt") - preheader


def test_an_organisation_without_a_representative_is_greeted() -> None:
    assert render_part("confirm_signature", "body.txt", name="").startswith("Hello,\n\n")
    assert "Hello," in unescape(render_part("confirm_signature", "body.html", name=""))


@pytest.mark.parametrize("name", ["already_signed", "personal_link", "withdrawn"])
def test_emails_whose_link_does_not_expire_name_no_date(name: str) -> None:
    assert "2022" not in render_part(name, "body.txt")
    assert "2022" not in render_part(name, "body.html")


@pytest.mark.parametrize("name", ["confirm_signature", "reminder"])
def test_emails_to_confirm_say_what_happens_without_confirmation(name: str) -> None:
    text = " ".join(render_part(name, "body.txt").split())
    assert "your address is erased 14 days after you signed" in text
    assert "up to and including 12\u00a0October 2022" in render_part(name, "body.txt").replace("\n", " ")


def test_every_email_has_a_preheader_of_its_own() -> None:
    lacking = [
        body.parent.name
        for body in (TEMPLATES / "emails").glob("*/body.html")
        if not re.search(r"block preheader(_text)? %}|extends \"emails/mailing/", body.read_text())
    ]
    assert lacking == []
