"""Each email in each language, compared with a golden file; `GOLDEN=write` rewrites the files."""

import email
import re
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

import pytest
from support.factories import make_petition, make_signature
from support.golden_files import compare_with_golden

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.models import Delivery
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.delivery.worker import run_queue

GOLDEN = Path(__file__).parent / "golden"
KINDS = {
    "confirm_signature": ("pending", CONFIRMATIONS),
    "reminder": ("pending", NOTIFICATIONS),
    "already_signed": ("confirmed", NOTIFICATIONS),
    "personal_link": ("confirmed", NOTIFICATIONS),
    "withdrawn": ("withdrawn", NOTIFICATIONS),
}


def sent(sent_emails, kind, locale, **details):
    state, queue = KINDS[kind]
    signature = make_signature(make_petition(), locale=locale, **details)
    db.session.query(Delivery).delete()
    signature.state, signature.requested_at = state, datetime(2026, 11, 18, 12, tzinfo=UTC)
    db.session.commit()
    enqueue(kind, queue, [OutboxEntry(signature.petition_id, signature.id, signature.generation)])
    db.session.commit()
    assert run_queue(queue.name) == 1
    return sent_emails[0].as_bytes()


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_email_matches_its_golden_file(app, sent_emails, kind, locale):
    compare_with_golden(
        sent(sent_emails, kind, locale, name="Zoé Martin", profession="Avocate"), GOLDEN / f"{kind}.{locale}.txt"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_message_bytes_suit_any_mail_server(app, sent_emails, kind):
    raw = sent(sent_emails, kind, "fr", name="Ж" * 120, organisation="", profession="é" * 120)
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
def test_a_name_cannot_reach_a_header_or_become_markup(app, sent_emails, name):
    signature = make_signature(make_petition())
    signature.name = name
    db.session.commit()
    run_queue("confirmations")
    message = email.message_from_bytes(sent_emails[0].as_bytes(), policy=default)
    assert message["Bcc"] is None
    assert "<b>Zoé</b>" not in message.get_body(("html",)).get_content()


def test_email_that_the_state_no_longer_calls_for_is_cancelled(app, sent_emails):
    signature = make_signature(make_petition())
    signature.state = "withdrawn"
    db.session.commit()
    run_queue("confirmations")
    assert sent_emails == []
    assert db.session.query(Delivery).one().state == "cancelled"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Zoé Martin", True),
        ("Gagnez un voyage", False),
        ("Police nationale", False),
        ("Zoé Martin, Appelle Moi", False),
    ],
)
def test_nothing_that_a_stranger_typed_is_mailed(app, sent_emails, kind, name, greeted):
    """Nor once it is confirmed: the team may have done so, and the owner of the mailbox nothing."""
    details = {
        "party": "organisation", "organisation": "Grand Gala Bidon", "profession": "Bidon", "city": "Bidonville",
        "email": "zoe+bidon-casino@example.org", "name": name,
    }  # fmt: skip
    message = email.message_from_bytes(sent(sent_emails, kind, "en", **details), policy=default)
    assert message["To"] == "zoe+bidon-casino@example.org"
    shown = [message["Subject"], message["From"], *(part.get_content() for part in message.iter_parts())]
    assert len(shown) == 4
    for text in shown:
        assert "bidon" not in text.casefold()
    for text in shown[2:]:
        assert (name in text) == greeted
        assert ("Hello," in text) != greeted
        assert re.search("(on behalf of an|of your) organisation", " ".join(text.split()))
        assert "zoe@example.org" in text


@pytest.mark.parametrize("name", ["EVIL.COM", "evil.рф", "06 12 34 56 78", "Zoé http://evil.example"])
def test_a_name_that_is_stored_already_is_not_mailed_either(app, sent_emails, name):
    signature = make_signature(make_petition())
    signature.name = name
    db.session.commit()
    run_queue("confirmations")
    message = email.message_from_bytes(sent_emails[0].as_bytes(), policy=default)
    assert all(name not in part.get_content() for part in message.iter_parts())
