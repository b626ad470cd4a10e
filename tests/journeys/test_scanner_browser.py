"""A scanner that renders the page behind each link, and presses every button once, counts and disowns nothing.

The person who follows the link afterwards confirms, with at most one press more.
"""

import os
import threading
from collections import Counter

import pytest
from support.browser import new_page
from support.factories import make_petition, make_signature
from werkzeug.serving import make_server

from petition.core.db import db
from petition.petitions.counters import get_count
from petition.safeguards.ip_networks import find_network, hash_network
from petition.signatures.abuse import presses
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature

pytestmark = [pytest.mark.journey, pytest.mark.browser]
LINKS = int(os.environ.get("LINKS", "30"))  # 1,000 take some minutes of a processor
SIGNER, SCANNER, PHONE = "203.0.113.7", "198.51.100.7", "192.0.2.7"


@pytest.fixture
def site(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def visit_from(chromium, network):
    return new_page(chromium, extra_http_headers={"X-Forwarded-For": network})


def scan(page, url):
    """Fetch, render, and press each button of the page once; return how many there were."""
    page.request.head(url)
    page.request.get(url)
    page.goto(url)
    buttons = page.locator("button").count()
    for number in range(buttons):
        page.goto(url)
        with page.expect_navigation():
            page.locator("button").nth(number).click()
    return buttons


def confirm(page, url):
    """Confirm as a person does, who presses the button that they see; return how often."""
    page.goto(url)
    pressed = 0
    while page.url.startswith(url):
        assert pressed < 2, "nobody presses more than twice"
        with page.expect_navigation():
            page.locator("form button.large").click()
        pressed += 1
    return pressed


@pytest.mark.parametrize("number", [pytest.param(LINKS, marks=pytest.mark.slow)])
def test_a_scanner_counts_and_disowns_nothing_and_people_confirm(app, site, chromium, monkeypatch, number):
    petition = make_petition()
    network = hash_network(find_network(SIGNER))[0]
    signatures = [make_signature(petition, email=f"a{n}@example.org", network=network) for n in range(number)]
    links = [f"{site}/c/{make_confirm_token(signature)}" for signature in signatures]
    db.session.commit()
    # The scanner is as quick as can be, however busy this machine is; then it is some seconds later.
    clock = presses._now()
    monkeypatch.setattr(presses, "_now", lambda: clock)
    scanner = visit_from(chromium, SCANNER)
    assert {scan(scanner, link) for link in links} == {2}
    db.session.rollback()
    assert db.session.query(Signature).filter_by(state="pending").count() == number
    assert get_count(petition).confirmed == 0
    db.session.commit()  # browsers take longer than a transaction may
    people = [visit_from(chromium, SIGNER), visit_from(chromium, PHONE)]
    pressed = Counter((("signer", "phone")[n % 2], confirm(people[n % 2], link)) for n, link in enumerate(links))
    assert pressed == {("signer", 1): number - number // 2, ("phone", 2): number // 2}
    db.session.rollback()
    assert db.session.query(Signature).filter_by(state="confirmed").count() == number
    assert get_count(petition).confirmed == number
    for page in (scanner, *people):
        page.context.close()
