"""One claim's worth of emails: compose, send, record."""

import time
import uuid
from collections.abc import Callable, Sequence

import structlog
from flask import current_app
from sqlalchemy.exc import DBAPIError, OperationalError

from petition.core import clock
from petition.core.db import db, read_in_autocommit
from petition.delivery import last_success
from petition.delivery.claims import get_lease_duration, release
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, compose, return_path
from petition.delivery.models import DeliveryState
from petition.delivery.pauses import back_off_server
from petition.delivery.queues import Queue
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.results import ClaimContext, DeliveryResult, record_results
from petition.delivery.smtp.client import Envelope
from petition.delivery.smtp.connection import abort_pipelined, deliver
from petition.delivery.smtp.responses import Outcome
from petition.delivery.suppressions.suppression_list import find_suppressed, suppress
from petition.delivery.yielding import Throttle

MAX_REPLIES_PER_EMAIL = (
    2  # of the mail server, between offering an email and knowing its fate: no other is begun with less time left
)
RECORD_INTERVAL_SECONDS = 0.25  # seconds: what a crash may repeat, where it may
LOOKAHEAD_EMAILS = 5  # emails looked at for the one that is sent next
TARGET_BEGIN_SECONDS = (
    0.02  # seconds of a thread's sending that a crash may leave with an unknown fate, where it may repeat none
)
MAX_RECORD_ATTEMPTS = 20  # seconds that an outcome waits for a database that is restarting
COMPOSITION_FAILED = Outcome(
    DeliveryState.FAILED, reason="the email could not be composed: see the worker's log", cause="not composed"
)

log = structlog.get_logger(__name__)


def scale_batch_size(seconds: float, sent: int, took: float, *, minimum: int, maximum: int) -> int:
    """Return how many emails leave in some seconds at the speed of those that just did, within bounds."""
    return max(minimum, min(maximum, int(sent / max(took, 0.001) * seconds)))


class Batch:
    """One claim's worth of emails, on this thread's connection."""

    def __init__(
        self,
        queue: Queue,
        token: uuid.UUID,
        claims: Sequence[ClaimedDelivery],
        by: ClaimContext,
        on_time: Callable[[], bool],
    ) -> None:
        self.queue, self.token, self.claims, self.context, self.on_time = queue, token, claims, by, on_time
        self.lease_deadline = time.monotonic() + get_lease_duration().total_seconds()
        self.begin_deadline = self.lease_deadline - MAX_REPLIES_PER_EMAIL * current_app.config["MAIL_TIMEOUT"]
        self.pending: list[DeliveryResult] = []
        self.settled, self.recorded_at = 0, time.monotonic()
        self.begun: set[int] = set()
        self.begin_batch_size, self.began_at, self.next_begin_position = queue.begin_batch_size, 0.0, 0
        self.throttle = Throttle(queue)

    def send(self) -> int:
        """Send them, in their order, and return how many rows were settled; what is not sent is given back."""
        read_in_autocommit()
        letters = self._compose()
        suppressed = find_suppressed([letter.to for letter in letters.values() if isinstance(letter, OutgoingMessage)])
        db.session.commit()
        try:
            self._send_each(letters, suppressed)
        finally:
            abort_pipelined()
        self._record_results()
        return self.settled

    def _send_each(self, letters: Composed, suppressed: set[str]) -> None:
        for position, item in enumerate(self.claims):
            if not self.on_time() or time.monotonic() > self.begin_deadline:
                self._release(self.claims[position:])
                break
            if not self._may_begin(position):
                continue
            composed = letters.get(item.id)
            following = self._next_envelope(position, letters, suppressed)
            outcome = self._attempt(item, composed, suppressed, following) if composed else COMPOSITION_FAILED
            self._add_result(item, composed if isinstance(composed, OutgoingMessage) else None, outcome)
            if outcome.server_trouble:
                self._back_off_server(outcome, self.claims[position + 1 :])
                break

    def _next_envelope(self, position: int, letters: Composed, suppressed: set[str]) -> Envelope | None:
        """Return the envelope of the email that is sent after this one, which the mail server may know already."""
        for item in self.claims[position + 1 : position + 1 + LOOKAHEAD_EMAILS]:
            letter = letters.get(item.id)
            if isinstance(letter, OutgoingMessage) and letter.to not in suppressed:
                return return_path(item.id), letter.to
        return None

    def _may_begin(self, position: int) -> bool:
        """Say whether an email may be offered to the mail server: should we die of it, its row tells."""
        if self.queue.send_again_after_crash:
            return True
        if position == self.next_begin_position:
            self._begin(position)
        return self.claims[position].id in self.begun

    def _begin(self, position: int) -> None:
        if position:
            took = time.monotonic() - self.began_at
            self.begin_batch_size = scale_batch_size(
                TARGET_BEGIN_SECONDS, self.begin_batch_size, took, minimum=1, maximum=self.queue.max_begin_batch_size
            )
            if self.throttle.must_yield:
                self._record_results()  # nothing that was sent rests unrecorded
                self.throttle.wait()
        self.began_at, self.next_begin_position = time.monotonic(), position + self.begin_batch_size
        self._record_results(self.claims[position : self.next_begin_position])

    def _compose(self) -> Composed:
        try:
            return compose(self.claims)
        except Exception:
            # One row that cannot be composed must not take its batch along.
            db.session.rollback()
            return {item.id: letter for item in self.claims for letter in self._compose_one(item)}

    def _compose_one(self, item: ClaimedDelivery) -> list[OutgoingMessage | Skipped]:
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
        self, item: ClaimedDelivery, letter: OutgoingMessage | Skipped, suppressed: set[str], following: Envelope | None
    ) -> Outcome:
        if isinstance(letter, Skipped):
            return Outcome(DeliveryState.CANCELLED, reason=letter.reason, attempted=False)
        if letter.to in suppressed:
            return Outcome(DeliveryState.SUPPRESSED, reason="the address is on the suppression list", attempted=False)
        may_repeat = self.queue.send_again_after_crash
        return deliver(
            letter,
            return_path(item.id),
            lease_deadline=self.lease_deadline,
            send_again=may_repeat,
            next_envelope=following,
        )

    def _add_result(self, item: ClaimedDelivery, letter: OutgoingMessage | None, outcome: Outcome) -> None:
        domain = letter.to.rpartition("@")[2].lower()[:255] if letter else None
        self.pending.append(DeliveryResult(item, outcome, domain, clock.now()))
        log.info(
            "email",
            delivery=item.id,
            kind=item.kind,
            attempt=item.attempt,
            state=outcome.state,
            code=outcome.code,
            request_id=item.request_id,
        )
        if outcome.state == DeliveryState.SENT:
            last_success.note_success()
        if outcome.mailbox_gone and letter:
            suppress(letter.to, outcome.reason or "mailbox gone")
        # A suppression is recorded at once: no transaction stays open while emails are sent.
        # Where each is begun beforehand, what came of those before is recorded along with it.
        late = self.queue.send_again_after_crash and time.monotonic() - self.recorded_at > RECORD_INTERVAL_SECONDS
        if outcome.mailbox_gone or late:
            self._record_results()

    def _record_results(self, next_ones: Sequence[ClaimedDelivery] = ()) -> None:
        """Record what is pending and begin the next, waiting out a database that restarts: sent must not look due."""
        if not self.pending and not next_ones:
            return
        for second in range(MAX_RECORD_ATTEMPTS):
            try:
                # A session in the midst of something, as of a suppression, has it recorded along with that.
                apart = not db.session().in_transaction()
                settled, begun = record_results(
                    self.queue, self.token, self.pending, self.context, next_ones, autocommit=apart
                )
                if not apart:
                    db.session.commit()
                self.settled, self.begun = self.settled + settled, self.begun | begun
                self.pending.clear()
                self.recorded_at = time.monotonic()
                return
            except DBAPIError:
                db.session.rollback()
                if second == MAX_RECORD_ATTEMPTS - 1:
                    raise
                time.sleep(1)

    def _release(self, claims: Sequence[ClaimedDelivery]) -> None:
        if claims:
            release(self.token, claims)
            db.session.commit()

    def _back_off_server(self, outcome: Outcome, rest: Sequence[ClaimedDelivery]) -> None:
        self._record_results()
        back_off_server(outcome.reason or "the mail server refused")
        release(self.token, rest)
        db.session.commit()
        log.warning("the mail server is left alone for a while", code=outcome.code, reason=outcome.reason)
