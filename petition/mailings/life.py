"""A mailing's life, and what makes no sense in it."""

from typing import Any

from flask_babel import gettext as _

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.mailings.models import (
    CANCELLED,
    DRAFT,
    PAUSED,
    SCHEDULED,
    SENDING,
    SENT,
    TESTED,
    Mailing,
)
from petition.mailings.words import state_words
from petition.team import audit

# What may be done, from which states, and the state it leads to.
STEPS = {
    "edit": ((DRAFT, TESTED), DRAFT),
    "test": ((DRAFT, TESTED), TESTED),
    "schedule": ((TESTED,), SCHEDULED),
    "unschedule": ((SCHEDULED,), TESTED),
    "start": ((SCHEDULED,), SENDING),
    "pause": ((SENDING,), PAUSED),
    "resume": ((PAUSED,), SENDING),
    "finish": ((SENDING,), SENT),
    "reopen": ((SENT,), SENDING),
    "cancel": ((DRAFT, TESTED, SCHEDULED, SENDING, PAUSED), CANCELLED),
}


class Nonsense(Refusal):
    """A step that the mailing's state does not allow."""

    def __init__(self, step: str, mailing: Mailing) -> None:
        words = state_words()
        allowed = ", ".join(words[state] for state in STEPS[step][0])
        super().__init__(
            {
                "state": _(
                    "this mailing is %(state)s; it would have to be %(allowed)s",
                    state=words[mailing.state],
                    allowed=allowed,
                )
            }
        )
        self.step = step


def find(mailing_id: int, *, lock: bool = False) -> Mailing:
    """Return a mailing; `lock` keeps others from changing it until the end of the transaction. Raises `Gone`."""
    known = 0 < mailing_id < 2**63
    options: dict[str, Any] = {"with_for_update": {"of": Mailing}, "populate_existing": True} if lock else {}
    found = db.session.get(Mailing, mailing_id, **options) if known else None
    if found is None:
        raise Gone({"mailing": f"there is no mailing {mailing_id}"})
    return found


def may(step: str, mailing: Mailing) -> bool:
    """Say whether a step makes sense now."""
    return mailing.state in STEPS[step][0]


def take(step: str, mailing: Mailing, *, actor: str | None = None, **after: Any) -> None:
    """Take a step in a mailing's life and put it on record. Flushes. Raises `Nonsense`.

    The caller holds the mailing's lock (`find`). `actor`: who, where nobody is signed in.
    """
    if not may(step, mailing):
        raise Nonsense(step, mailing)
    before = mailing.state
    mailing.state = STEPS[step][1]
    db.session.flush()
    audit.record(
        f"mailing.{step}", "mailing", mailing.id, before={"state": before},
        after={"state": mailing.state, **after}, actor=actor,
    )  # fmt: skip
