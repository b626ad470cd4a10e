"""The address that the page after the form shows."""

from datetime import timedelta

import pytest
from support.factories import make_form, make_petition

from petition.core import clock
from petition.signatures.confirmation_codes import sealed_address
from petition.signatures.confirmation_codes.sealed_address import mask_typed_address, open_address, seal_address


@pytest.mark.parametrize(
    ("address", "masked"),
    [("noemie@gmial.com", "no•••e@gmial.com"), ("zoe@a.fr", "z••@a.fr"), ("z@a.fr", "z@a.fr"), ("nobody", "@nobody")],
)
def test_a_mask_shows_the_domain_and_the_length(address, masked):
    assert mask_typed_address(address) == masked


def test_the_page_after_the_form_shows_the_address_and_how_to_correct_it(client):
    make_petition()
    answer = client.post("/p/jardin/sign?lang=en", data=make_form(email="noemie@example.org", show_address="1"))
    assert answer.status_code == 303
    assert "noemie" not in answer.headers["Location"]
    assert "example.org" not in answer.headers["Location"]
    page = client.get(answer.headers["Location"]).text
    assert "no•••e@example.org" in page
    assert "noemie@" not in page
    assert 'href="/p/jardin?lang=en#field-email"' in page


def test_a_seal_is_the_same_within_the_hour_and_readable_for_two(app, monkeypatch):
    now = clock.now().replace(minute=10)
    monkeypatch.setattr(sealed_address.clock, "now", lambda: now)
    sealed = seal_address("noemie@example.org")
    assert seal_address("noemie@example.org") == sealed
    monkeypatch.setattr(sealed_address.clock, "now", lambda: now + timedelta(hours=1))
    assert open_address(sealed) == "no•••e@example.org"
    monkeypatch.setattr(sealed_address.clock, "now", lambda: now + timedelta(hours=2))
    assert open_address(sealed) is None


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 2000, "=" * 9, "QUJD" * 20])
def test_anything_else_shows_nothing(client, text):
    make_petition()
    assert open_address(text) is None
    page = client.get("/p/jardin/check-your-email", query_string={"to": text, "lang": "en"})
    assert page.status_code == 200
    assert "Correct it" not in page.text
