"""Find petitions that are attacked: far more unconfirmed signatures come than were ever confirmed in such a time."""

from datetime import timedelta

import structlog
from flask import current_app

from petition.core import clock
from petition.core.db import db
from petition.petitions.models import ChallengePolicy
from petition.signatures.queries import NOTE_ATTACKS_SQL
from petition.team import audit

WINDOW = timedelta(minutes=10)
ATTACK_FACTOR = 3  # times as many an hour as were confirmed in the busiest hour that it had
MAX_ROWS = 100_000  # that are counted at a time
ACTOR = "watch for attacks"  # in the audit trail
CALM = timedelta(minutes=30)  # after which an attack is over

log = structlog.get_logger(__name__)


def watch() -> None:
    """Note which petitions are attacked now. Commits. It ends by itself, `CALM` after the last time that was so."""
    least = current_app.config["PETITION_ATTACK_SIGNATURES"]
    if not least:
        return
    values = {
        "now": clock.now(), "window": WINDOW, "max_rows": MAX_ROWS, "least": least, "calm": CALM,
        "factor": ATTACK_FACTOR, "windows_an_hour": timedelta(hours=1) / WINDOW,
        "policy": ChallengePolicy.AUTOMATIC.value,
    }  # fmt: skip
    begun = [attack for attack in db.session.execute(NOTE_ATTACKS_SQL, values) if attack.has_begun]
    for attack in begun:
        audit.record(
            "petition.attacked", "petition", attack.slug, after={"unconfirmed": attack.unconfirmed}, actor=ACTOR
        )
    db.session.commit()
    for attack in begun:
        log.warning("petition attacked", petition=attack.slug, unconfirmed=attack.unconfirmed)
