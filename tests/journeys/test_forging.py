"""A few hundred forged signatures through the real form beside people: none counts in the end, and the log says so."""

import random
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from support.settings import ROOT
from support.waiting import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("stack")]
SLUG, FORGED, GENUINE = "attaque", 160, 60
LETTER = f"""---
slug: {SLUG}
kind: open_letter
default_language: fr
addressee: la garde des Sceaux
sender: {{name: Les amis de la justice}}
---
# fr: Pour une justice que personne ne trompe

> Une voix par personne.

Nous demandons une voix par personne.
"""
FIRST = ("Ada", "Bea", "Cleo", "Dora", "Elsa", "Fatou", "Gilles", "Hugo", "Ines", "Jean")
LAST = ("Vernet", "Roux", "Petit", "Blanc", "Noir", "Diallo", "Morel", "Simon", "Laurent", "Garnier")
SECONDS = 180


def run(stack, *words):
    line = [sys.executable, "-m", "petition.cli", "--data", str(stack.data), *words]
    subprocess.run(line, check=True, capture_output=True, timeout=300)


def sign(stack, form, network):
    answer = stack.request("POST", f"/p/{SLUG}/sign", form={"locale": "fr", "show_address": "on", **form},
                           network=network)  # fmt: skip
    assert answer.status == 303, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["handle"][0]


def confirm_by_code(stack, handle, email, network):
    messages = wait_for(lambda: stack.mail_to(email), what=f"an email to {email}")
    code = re.search(r"\b\d{4} \d{4}\b", messages[-1]["text"])[0]
    answer = stack.request("POST", f"/p/{SLUG}/code", form={"handle": handle, "code": code}, network=network)
    assert answer.status == 303, answer.text


def sign_as_people(stack, draw):
    """Let people sign at a large provider; return how many confirm, by link or by code, from where they signed."""
    confirmed = 0
    for number in range(GENUINE):
        first, last = draw.choice(FIRST), draw.choice(LAST)
        email = f"{first}.{last}{number}@gmail.com".lower()
        boxes = {name: "on" for name, share in (("listed", 0.7), ("updates", 0.4)) if draw.random() < share}
        handle = sign(stack, {"name": f"{first} {last}", "email": email, **boxes}, number)
        if draw.random() < 0.75:
            confirmed += 1
            if number % 2:
                confirm_by_code(stack, handle, email, number)
            else:
                assert stack.confirm(stack.link_to(email), network=number).status == 303
    return confirmed


def forge(stack, draw):
    """Sign under invented names at one domain, and confirm all by link or by code, from networks elsewhere."""
    for number in range(FORGED):
        email = f"{draw.randrange(36**8):x}@boites-sans-fond.net"
        name = f"{draw.choice(FIRST)} {draw.choice(LAST)}-{draw.choice(LAST)}"
        handle = sign(stack, {"name": name, "email": email, "listed": "on"}, 100 + number % 60)
        if number % 3:
            answer = stack.confirm(stack.link_to(email), network=170 + number % 60)
            assert answer.status == 303, answer.text
        else:
            confirm_by_code(stack, handle, email, 170 + number % 60)


def test_what_is_forged_over_http_counts_no_more_and_people_do(stack, tmp_path):
    (tmp_path / "letter.md").write_text(LETTER, encoding="utf-8")
    run(stack, "petitions", "create", str(tmp_path / "letter.md"))
    run(stack, "petitions", "open", SLUG)
    draw = random.Random(5)
    people = sign_as_people(stack, draw)
    wait_for(lambda: stack.count(SLUG)["people"] == people, SECONDS, "people to count")
    forge(stack, draw)
    wait_for(lambda: stack.count(SLUG)["people"] == people, SECONDS, "what is forged to count no more")
    checker = [sys.executable, str(ROOT / "tools/verify_count.py"), f"{stack.url}/p/{SLUG}"]
    said = wait_for(lambda: verify(checker), SECONDS, "the log to agree with the page")
    assert f"{people} people and 0 organisations" in said


def verify(checker):
    """Return what the checker says, once page and log agree; the log is written some seconds after the count."""
    found = subprocess.run(checker, capture_output=True, text=True, timeout=240, check=False)
    return found.stdout if found.returncode == 0 else None
