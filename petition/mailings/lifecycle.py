"""The states of a mailing: which action is possible in which state, and where it leads."""

from typing import Any

from blinker import Namespace
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound
from petition.core.ids import find_by_id
from petition.mailings.labels import state_labels
from petition.mailings.models import Mailing, MailingState
from petition.team import audit

mailing_finished = Namespace().signal("mailing-finished")  # in the transaction in which the last email left

# By action: the states in which it is possible, and the state it leads to; None: it stays as it is.
TRANSITIONS: dict[str, tuple[tuple[MailingState, ...], MailingState | None]] = {
    "edit": ((MailingState.DRAFT, MailingState.TESTED), MailingState.DRAFT),
    "test": ((MailingState.DRAFT, MailingState.TESTED), MailingState.TESTED),
    "correct": ((MailingState.PAUSED,), None),  # its text, for those who have not got it yet
    "retest": ((MailingState.PAUSED,), None),
    "adjust": ((MailingState.DRAFT, MailingState.TESTED, MailingState.PAUSED), None),  # its name, speed and limits
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


class InvalidMailingTransition(InvalidTransition):
    """An action that is not possible in the mailing's state."""

    def __init__(self, action: str, mailing: Mailing) -> None:
        labels = state_labels()
        allowed = ", ".join(labels[state] for state in TRANSITIONS[action][0])
        super().__init__(
            {
                "state": _(
                    "this mailing is %(state)s; it would have to be %(allowed)s",
                    state=labels[mailing.state],
                    allowed=allowed,
                )
            }
        )


def find(mailing_id: int, *, lock: bool = False) -> Mailing:
    """Return a mailing; with `lock`, nobody else changes it until the end of the transaction. Raises `NotFound`."""
    options: dict[str, Any] = {"with_for_update": {"of": Mailing}, "populate_existing": True} if lock else {}
    mailing = find_by_id(Mailing, mailing_id, **options)
    if mailing is None:
        raise NotFound({"mailing": f"there is no mailing {mailing_id}"})
    return mailing


def can_transition(action: str, mailing: Mailing) -> bool:
    """Say whether an action is possible in the mailing's state."""
    return mailing.state in TRANSITIONS[action][0]


def require_transition(action: str, mailing: Mailing) -> None:
    """Raise `InvalidMailingTransition` unless an action is possible in the mailing's state."""
    if not can_transition(action, mailing):
        raise InvalidMailingTransition(action, mailing)


def transition(action: str, mailing: Mailing, *, actor: str | None = None, **after: Any) -> None:
    """Move a mailing to the state an action leads to, and audit it. Flushes. Raises `InvalidMailingTransition`.

    The caller locks the mailing (`find`). `actor`: who acts, where nobody is signed in.
    """
    require_transition(action, mailing)
    before = mailing.state
    mailing.state = TRANSITIONS[action][1] or before
    db.session.flush()
    if action == "finish":
        mailing_finished.send(mailing)
    audit.record(
        f"mailing.{action}", "mailing", mailing.id, before={"state": before},
        after={"state": mailing.state, **after}, actor=actor,
    )  # fmt: skip
