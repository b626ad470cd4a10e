"""The page of a campaign's statistics."""

import re

import pytest
from support.factories import make_petition, make_signature, sign_in

from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.signatures.confirm import confirm_signature


@pytest.fixture
def page(client):
    sign_in(client, "campaigner")
    return lambda path="/campaign?lang=en": client.get(f"/desk/petitions/jardin{path}")


def test_page_without_signatures(page):
    make_petition()
    answer = page()
    assert "Nobody has asked to sign yet" in answer.text
    assert "0.0% of the next goal, 100: 100 to go" in answer.text


def test_statistics_page_has_text_and_tables(page, sent_emails):
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@example.org", profession="Juge") for n in range(4)]
    run_queue("confirmations")
    for signature in signatures[:2]:
        confirm_signature(signature)
    db.session.commit()
    answer = page().text
    assert "2.0% of the next goal, 100: 98 to go" in answer
    assert "After that: 250." in answer
    row = re.search(r"confirmed: the button was pressed</th>(.*?)</tr>", answer, re.S)[1]
    assert re.findall(r">([\d.]+ ?%?)<", row) == ["2", "50.0%", "50.0%"]
    assert re.search(r"<bdi>Juge</bdi></th><td class=\"n\">2</td><td class=\"n\">100.0%", answer)
    for name in ("days", "hours"):
        for query in ("", "?narrow=1"):
            plot = page(f"/campaign/{name}.svg{query}")
            assert plot.mimetype == "image/svg+xml"
            assert b"<svg" in plot.data
            assert "default-src 'none'" in plot.headers["Content-Security-Policy"]
    assert page("/campaign/weeks.svg").status_code == 404


def test_hours_are_written_apart_on_a_narrow_chart(page, sent_emails):
    confirm_signature(make_signature(make_petition()))
    db.session.commit()
    svg = page("/campaign/hours.svg?narrow=1").text
    hours = re.findall(r'class="major">(\d\d):00<', svg)
    assert len(hours) == 4
