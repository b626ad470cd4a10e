"""The team's emails in each language, against golden files."""

import email
import re
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

import pytest
from support.factories import make_account
from support.golden_files import compare_with_golden

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.delivery.worker import run_queue
from petition.team import accounts, audit, credentials
from petition.team.labels import credential_change_labels
from petition.team.links import invitation_url
from petition.team.models import AuditEvent

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("team_invitation", "team_password", "credentials_changed")
AT = datetime(2026, 3, 1, 8, 5, 9, tzinfo=UTC)


def sent(sent_emails, kind, locale):
    account = make_account(name="Alix", language=locale)
    invitation_url(account)
    subject_id, generation = account.id, account.links_mailed
    if kind == credentials.CREDENTIALS_CHANGED:
        event = audit.record(credentials.PASSWORD_CHANGED, "account", account.id)
        event.at = AT
        subject_id, generation = event.id, 0
    enqueue(kind, NOTIFICATIONS, [OutboxEntry(0, subject_id, generation)])
    db.session.commit()
    assert run_queue("notifications") == 1
    return sent_emails[0].as_bytes()


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_email_matches_its_golden_file(app, sent_emails, kind, locale):
    compare_with_golden(sent(sent_emails, kind, locale), GOLDEN / f"{kind}.{locale}.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_octets_are_valid_for_every_mail_server(app, sent_emails, kind):
    raw = sent(sent_emails, kind, "fr")
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    message = email.message_from_bytes(raw, policy=default)
    assert message.defects == []
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "List-Unsubscribe" not in message


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_change_of_credentials_has_its_words(app, sent_emails, locale):
    account = make_account(language=locale)
    changes = [value for name, value in vars(credentials).items() if name.isupper() and "." in str(value)]
    assert len(changes) == len(credential_change_labels()) == 10
    for change in changes:
        credentials.record_change(account, change)
    db.session.commit()
    run_queue("notifications")
    assert len({mail.body for mail in sent_emails}) == len(changes)
    for mail in sent_emails:
        assert re.findall(r"https?://\S+", mail.body) == ["http://localhost/account/"]


def test_an_invitation_names_who_invites_and_the_organisation(app, sent_emails, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_ORGANISATION", "Les amis du jardin")
    inviter = make_account(email="alix@example.org", name="Alix", password="four words are enough")
    invited = accounts.invite("zoe@example.org", {"sender"}, language="en", actor=inviter.email)
    event = db.session.query(AuditEvent).filter_by(action="invited").one()
    event.account_id = inviter.id
    db.session.commit()
    assert run_queue("notifications") == 1
    assert sent_emails[0].subject == "Your invitation to the team of Les amis du jardin"
    assert "Alix invites you to join the team that runs the petitions of Les amis du" in sent_emails[0].body
    assert invited.is_invited
