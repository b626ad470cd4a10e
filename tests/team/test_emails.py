"""The team's two emails in both languages, against golden files."""

import email
import re
from email.policy import default
from pathlib import Path

import pytest
from factories import make_account
from golden import compare

from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.delivery.lanes import NOTICES
from petition.delivery.post import Owed, post
from petition.team.accounts import link

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("team_invitation", "team_password")


def sent(outbox, kind, locale):
    account = make_account(name="Alix", language=locale)
    link(account)
    post(kind, NOTICES, [Owed(0, account.id, account.link_generation)])
    db.session.commit()
    assert dispatch("notices") == 1
    return outbox[0].as_bytes()


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_email_reads_as_it_should(app, outbox, kind, locale):
    compare(sent(outbox, kind, locale), GOLDEN / f"{kind}.{locale}.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_the_octets_suit_any_mail_server(app, outbox, kind):
    raw = sent(outbox, kind, "fr")
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    message = email.message_from_bytes(raw, policy=default)
    assert message.defects == []
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "List-Unsubscribe" not in message
