"""The audit trail says in sentences what happened."""

import re

from flask_babel import force_locale
from support.factories import make_petition, post_form, sign_in
from support.settings import ROOT

from petition.core.db import db
from petition.team.audit_sentences import SENTENCES, describe_events
from petition.team.models import AuditEvent

RECORDED = re.compile(r'audit\.record\(\s*"([a-z_]+(?:\.[a-z_-]+)?)"')


def test_every_action_has_a_sentence():
    recorded = {
        action
        for path in (ROOT / "petition").rglob("*.py")
        for action in RECORDED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(recorded) > 60
    assert recorded - set(SENTENCES) == set()


def test_a_petition_that_is_won_is_not_said_to_be_opened(client):
    make_petition()
    sign_in(client, "campaigner")
    for change in ("won", "not-won", "close", "open"):
        path = f"/desk/petitions/jardin/state/{change}"
        version = re.search(r'name="version" value="([^"]+)"', client.get(path).text)
        post_form(client, path, **({"version": version[1]} if version else {}))
    events = db.session.query(AuditEvent).filter_by(action="petition.state").order_by(AuditEvent.id)
    with force_locale("en"):
        said = [sentence.text.split("@example.org ")[1] for sentence in describe_events(events)]
    assert said == [
        "marked “jardin” as won.",
        "took back that “jardin” was won.",
        "closed “jardin”.",
        "opened “jardin”.",
    ]
