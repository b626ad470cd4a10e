"""Each email in both languages against a golden file; `GOLDEN=write` writes them anew, to be read and kept."""

import email
import re
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

import pytest
from factories import make_petition, make_signature
from golden import compare

from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.delivery.lanes import CONFIRMATIONS, NOTICES
from petition.delivery.models import Delivery
from petition.delivery.post import Owed, post

GOLDEN = Path(__file__).parent / "golden"
KINDS = {
    "confirm_signature": ("pending", CONFIRMATIONS),
    "reminder": ("pending", NOTICES),
    "already_signed": ("confirmed", NOTICES),
    "personal_link": ("confirmed", NOTICES),
    "withdrawn": ("withdrawn", NOTICES),
}


def sent(outbox, kind, locale, **details):
    state, lane = KINDS[kind]
    signature = make_signature(make_petition(), locale=locale, **details)
    db.session.query(Delivery).delete()
    signature.state, signature.requested_at = state, datetime(2026, 11, 18, 12, tzinfo=UTC)
    db.session.commit()
    post(kind, lane, [Owed(signature.petition_id, signature.id, signature.generation)])
    db.session.commit()
    assert dispatch(lane.name) == 1
    return outbox[0].as_bytes()


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_email_reads_as_it_should(app, outbox, kind, locale):
    compare(sent(outbox, kind, locale, name="Zoé Martin", profession="Avocate"), GOLDEN / f"{kind}.{locale}.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_the_octets_suit_any_mail_server(app, outbox, kind):
    raw = sent(outbox, kind, "fr", name="Ж" * 120, organisation="", profession="é" * 120)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = email.message_from_bytes(raw, policy=default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].startswith("<d2.")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    html = message.get_body(("html",)).get_content()
    assert not re.search(r"<img|src=|url\(", html), "nothing is loaded, so nothing tracks"


@pytest.mark.parametrize("name", ["Zoé\r\nBcc: x@example.org", "<b>Zoé</b>", '"; drop', "=?utf-8?q?x?="])
def test_a_name_cannot_reach_a_header_or_become_markup(app, outbox, name):
    signature = make_signature(make_petition())
    signature.name = name
    db.session.commit()
    dispatch("confirmations")
    message = email.message_from_bytes(outbox[0].as_bytes(), policy=default)
    assert message["Bcc"] is None
    assert "<b>Zoé</b>" not in message.get_body(("html",)).get_content()


def test_nothing_is_sent_that_the_state_no_longer_calls_for(app, outbox):
    signature = make_signature(make_petition())
    signature.state = "withdrawn"
    db.session.commit()
    dispatch("confirmations")
    assert outbox == []
    assert db.session.query(Delivery).one().state == "cancelled"
