"""A mailing's life, and what makes no sense in it."""

from typing import Any

from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.mailings.labels import state_labels
from petition.mailings.models import Mailing, MailingState
from petition.team import audit

# What may be done, from which states, and the state it leads to.
TRANSITIONS = {
    "edit": ((MailingState.DRAFT, MailingState.TESTED), MailingState.DRAFT),
    "test": ((MailingState.DRAFT, MailingState.TESTED), MailingState.TESTED),
    "schedule": ((MailingState.TESTED,), MailingState.SCHEDULED),
    "unschedule": ((MailingState.SCHEDULED,), MailingState.TESTED),
    "start": ((MailingState.SCHEDULED,), MailingState.SENDING),
    "pause": ((MailingState.SENDING,), MailingState.PAUSED),
    "resume": ((MailingState.PAUSED,), MailingState.SENDING),
    "finish": ((MailingState.SENDING,), MailingState.SENT),
    "reopen": ((MailingState.SENT,), MailingState.SENDING),
    "cancel": (
        (MailingState.DRAFT, MailingState.TESTED, MailingState.SCHEDULED, MailingState.SENDING, MailingState.PAUSED),
        MailingState.CANCELLED,
    ),
}


class InvalidMailingTransition(DomainError):
    """A step that the mailing's state does not allow."""

    def __init__(self, step: str, mailing: Mailing) -> None:
        words = state_labels()
        allowed = ", ".join(words[state] for state in TRANSITIONS[step][0])
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
        raise NotFound({"mailing": f"there is no mailing {mailing_id}"})
    return found


def can_transition(step: str, mailing: Mailing) -> bool:
    """Say whether a step makes sense now."""
    return mailing.state in TRANSITIONS[step][0]


def transition(step: str, mailing: Mailing, *, actor: str | None = None, **after: Any) -> None:
    """Take a step in a mailing's life and put it on record. Flushes. Raises `Nonsense`.

    The caller holds the mailing's lock (`find`). `actor`: who, where nobody is signed in.
    """
    if not can_transition(step, mailing):
        raise InvalidMailingTransition(step, mailing)
    before = mailing.state
    mailing.state = TRANSITIONS[step][1]
    db.session.flush()
    audit.record(
        f"mailing.{step}", "mailing", mailing.id, before={"state": before},
        after={"state": mailing.state, **after}, actor=actor,
    )  # fmt: skip
