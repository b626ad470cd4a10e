"""One claim's worth of emails: compose, send, record."""

import time
import uuid
from collections.abc import Callable, Sequence

import structlog
from flask import current_app
from sqlalchemy.exc import DBAPIError, OperationalError

from petition.core import clock
from petition.core.db import db, read_by_itself
from petition.delivery import pulse
from petition.delivery.claim import lease, release
from petition.delivery.compose import Claimed, Composed, Unwanted, compose, return_path
from petition.delivery.dialogue import Envelope
from petition.delivery.holds import rest_server
from petition.delivery.lanes import Lane
from petition.delivery.letter import Letter
from petition.delivery.models import CANCELLED, FAILED, SENT, SUPPRESSED
from petition.delivery.record import Round, Settled, record
from petition.delivery.replies import Outcome
from petition.delivery.room import Pace
from petition.delivery.suppress import suppress, suppressed_among
from petition.delivery.transport import deliver, stand_down

ANSWERS = 2  # of the mail server, between offering an email and knowing its fate: no other is begun with less time left
RECORD_WITHIN = 0.25  # seconds: what a crash may repeat, where it may
LOOK_AHEAD = 5  # emails looked at for the one that is sent next
BEGIN_FOR = 0.02  # seconds of a thread's sending that a crash may leave with an unknown fate, where it may repeat none
RECORD_TRIES = 20  # seconds that an outcome waits for a database that is restarting
UNCOMPOSED = Outcome(FAILED, reason="the email could not be composed: see the worker's log", cause="not composed")

log = structlog.get_logger(__name__)


def as_many_as_leave(seconds: float, sent: int, took: float, *, least: int, most: int) -> int:
    """Return how many emails leave in some seconds at the speed of those that just did, within bounds."""
    return max(least, min(most, int(sent / max(took, 0.001) * seconds)))


class Batch:
    """One claim's worth of emails, on this thread's connection."""

    def __init__(
        self, lane: Lane, token: uuid.UUID, claims: Sequence[Claimed], by: Round, on_time: Callable[[], bool]
    ) -> None:
        self.lane, self.token, self.claims, self.by, self.on_time = lane, token, claims, by, on_time
        self.held_until = time.monotonic() + lease().total_seconds()
        self.begins_until = self.held_until - ANSWERS * current_app.config["MAIL_TIMEOUT"]
        self.pending: list[Settled] = []
        self.settled, self.recorded_at = 0, time.monotonic()
        self.begun: set[int] = set()
        self.at_once, self.began_at, self.begins_next = lane.begin_at_once, 0.0, 0
        self.pace = Pace(lane)

    def send(self) -> int:
        """Send them, in their order, and return how many rows were settled; what is not sent is given back."""
        read_by_itself()
        letters = self._compose()
        suppressed = suppressed_among([letter.to for letter in letters.values() if isinstance(letter, Letter)])
        db.session.commit()
        try:
            self._send_each(letters, suppressed)
        finally:
            stand_down()
        self._record()
        return self.settled

    def _send_each(self, letters: Composed, suppressed: set[str]) -> None:
        for position, item in enumerate(self.claims):
            if not self.on_time() or time.monotonic() > self.begins_until:
                self._give_back(self.claims[position:])
                break
            if not self._may_begin(position):
                continue
            composed = letters.get(item.id)
            following = self._following(position, letters, suppressed)
            outcome = self._attempt(item, composed, suppressed, following) if composed else UNCOMPOSED
            self._note(item, composed if isinstance(composed, Letter) else None, outcome)
            if outcome.server_trouble:
                self._leave_server_alone(outcome, self.claims[position + 1 :])
                break

    def _following(self, position: int, letters: Composed, suppressed: set[str]) -> Envelope | None:
        """Return the envelope of the email that is sent after this one, which the mail server may know already."""
        for item in self.claims[position + 1 : position + 1 + LOOK_AHEAD]:
            letter = letters.get(item.id)
            if isinstance(letter, Letter) and letter.to not in suppressed:
                return return_path(item.id), letter.to
        return None

    def _may_begin(self, position: int) -> bool:
        """Say whether an email may be offered to the mail server: should we die of it, its row tells."""
        if self.lane.send_again_after_crash:
            return True
        if position == self.begins_next:
            self._begin(position)
        return self.claims[position].id in self.begun

    def _begin(self, position: int) -> None:
        if position:
            took = time.monotonic() - self.began_at
            self.at_once = as_many_as_leave(BEGIN_FOR, self.at_once, took, least=1, most=self.lane.largest_begin)
            if self.pace.leaves_room:
                self._record()  # nothing that was sent rests unrecorded
                self.pace.rest()
        self.began_at, self.begins_next = time.monotonic(), position + self.at_once
        self._record(self.claims[position : self.begins_next])

    def _compose(self) -> Composed:
        try:
            return compose(self.claims)
        except Exception:
            # One row that cannot be composed must not take its batch along.
            db.session.rollback()
            return {item.id: letter for item in self.claims for letter in self._compose_alone(item)}

    def _compose_alone(self, item: Claimed) -> list[Letter | Unwanted]:
        try:
            return list(compose([item]).values())
        except OperationalError:
            raise
        except Exception:
            log.exception(
                "an email could not be composed", delivery=item.id, kind=item.kind, request_id=item.request_id
            )
            return []

    def _attempt(
        self, item: Claimed, letter: Letter | Unwanted, suppressed: set[str], following: Envelope | None
    ) -> Outcome:
        if isinstance(letter, Unwanted):
            return Outcome(CANCELLED, reason=letter.reason, tried=False)
        if letter.to in suppressed:
            return Outcome(SUPPRESSED, reason="the address is on the suppression list", tried=False)
        may_repeat = self.lane.send_again_after_crash
        return deliver(
            letter, return_path(item.id), held_until=self.held_until, send_again=may_repeat, following=following
        )

    def _note(self, item: Claimed, letter: Letter | None, outcome: Outcome) -> None:
        domain = letter.to.rpartition("@")[2].lower()[:255] if letter else None
        self.pending.append(Settled(item, outcome, domain, clock.now()))
        log.info(
            "email",
            delivery=item.id,
            kind=item.kind,
            attempt=item.attempt,
            state=outcome.state,
            code=outcome.code,
            request_id=item.request_id,
        )
        if outcome.state == SENT:
            pulse.beat()
        if outcome.mailbox_gone and letter:
            suppress(letter.to, outcome.reason or "mailbox gone")
        # A suppression is recorded at once: no transaction stays open while emails are sent.
        # Where each is begun beforehand, what came of those before is recorded along with it.
        late = self.lane.send_again_after_crash and time.monotonic() - self.recorded_at > RECORD_WITHIN
        if outcome.mailbox_gone or late:
            self._record()

    def _record(self, next_ones: Sequence[Claimed] = ()) -> None:
        """Record what is pending and begin the next, waiting out a database that restarts: sent must not look due."""
        if not self.pending and not next_ones:
            return
        for second in range(RECORD_TRIES):
            try:
                # A session in the midst of something, as of a suppression, has it recorded along with that.
                apart = not db.session().in_transaction()
                settled, begun = record(self.lane, self.token, self.pending, self.by, next_ones, durably=apart)
                if not apart:
                    db.session.commit()
                self.settled, self.begun = self.settled + settled, self.begun | begun
                self.pending.clear()
                self.recorded_at = time.monotonic()
                return
            except DBAPIError:
                db.session.rollback()
                if second == RECORD_TRIES - 1:
                    raise
                time.sleep(1)

    def _give_back(self, claims: Sequence[Claimed]) -> None:
        if claims:
            release(self.token, claims)
            db.session.commit()

    def _leave_server_alone(self, outcome: Outcome, rest: Sequence[Claimed]) -> None:
        self._record()
        rest_server(outcome.reason or "the mail server refused")
        release(self.token, rest)
        db.session.commit()
        log.warning("the mail server is left alone for a while", code=outcome.code, reason=outcome.reason)
