"""Send one claim's emails: compose, send, record."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

import structlog
from flask import current_app
from sqlalchemy.exc import DBAPIError, OperationalError

from petition.core import clock, tracing
from petition.core.db import db, is_outage, read_in_autocommit
from petition.delivery.batch_servers import BatchServers
from petition.delivery.budgets import reserve_emails
from petition.delivery.claims import get_lease_duration, release
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, compose, is_counted, return_path
from petition.delivery.models import DeliveryState
from petition.delivery.pacing.batch_pace import BatchPace
from petition.delivery.queues import Queue
from petition.delivery.recovery import note_outcome
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.results import ClaimContext, DeliveryResult, note_success, record_results
from petition.delivery.smtp.client import Envelope
from petition.delivery.smtp.connection import abort_pipelined, deliver
from petition.delivery.smtp.responses import Outcome
from petition.delivery.suppressions.suppression_list import find_suppressed_hashes, hash_address, suppress
from petition.delivery.yielding import Throttle

# Replies of the mail server that an email may wait for: none is started with less time left on the lease.
MAX_REPLIES_PER_EMAIL = 2
RECORD_INTERVAL_SECONDS = 0.25  # how much sending a crash may repeat, in queues that send again
LOOKAHEAD_EMAILS = 5  # rows searched for the email that is sent next
TARGET_BEGIN_SECONDS = 0.02  # how much sending of a thread a crash may leave `unknown`, in the other queues
MAX_RECORD_ATTEMPTS = 20  # one a second, while the database restarts
NOT_COMPOSED = "not composed"  # the cause of such rows
# It waits until what is wrong is corrected, however long that takes, and leaves within these seconds.
COMPOSITION_FAILED = Outcome(
    DeliveryState.DEFERRED,
    reason="the email could not be composed: see the worker's log",
    cause=NOT_COMPOSED,
    attempt_refunded=True,
    wait_seconds=300.0,
    attempted=False,
)

log = structlog.get_logger(__name__)


def scale_batch_size(target_seconds: float, sent: int, elapsed: float, *, minimum: int, maximum: int) -> int:
    """Return how many emails are sent in `target_seconds` at the rate of the last ones, within bounds."""
    return max(minimum, min(maximum, int(sent / max(elapsed, 0.001) * target_seconds)))


class Batch:
    """The emails of one claim, sent on this thread's connection."""

    def __init__(
        self,
        queue: Queue,
        token: uuid.UUID,
        claims: Sequence[ClaimedDelivery],
        context: ClaimContext,
        has_time: Callable[[], bool],
    ) -> None:
        self.queue, self.token, self.claims, self.context, self.has_time = queue, token, claims, context, has_time
        self.lease_deadline = time.monotonic() + get_lease_duration().total_seconds()
        self.start_deadline = self.lease_deadline - MAX_REPLIES_PER_EMAIL * current_app.config["MAIL_TIMEOUT"]
        self.unrecorded: list[DeliveryResult] = []
        self.settled, self.recorded_at = 0, time.monotonic()
        self.begun: set[int] = set()
        self.beyond_budget: dict[int, Outcome] = {}
        self.hashes: dict[int, list[str]] = {}  # of each address that an email goes to, by delivery, the current first
        self.begin_batch_size, self.began_at, self.next_begin_position = queue.begin_batch_size, 0.0, 0
        self.throttle = Throttle(queue)
        self.logged: set[tuple[str, type[Exception]]] = set()  # failures to compose, whose traceback was logged
        self.pace = BatchPace(queue, token, get_lease_duration())
        self.servers = BatchServers(self.pace)

    def send(self) -> int:
        """Send the emails in their order, release what was not sent, and return how many rows were settled. Commits."""
        read_in_autocommit()
        messages = self._compose()
        self.hashes = {
            id: hash_address(message.to) for id, message in messages.items() if isinstance(message, OutgoingMessage)
        }
        suppressed = self._find_suppressed()
        db.session.commit()
        self.beyond_budget = self._reserve(messages, suppressed)
        self.pace.admit(self._list_domains(messages, suppressed))
        try:
            self._send_each(messages, suppressed)
        finally:
            abort_pipelined()
        self._record_results()
        self.pace.finish()
        return self.settled

    def _find_suppressed(self) -> set[int]:
        """Return the ids of the deliveries whose address is on the suppression list."""
        found = find_suppressed_hashes([hashed for hashes in self.hashes.values() for hashed in hashes])
        return {id for id, hashes in self.hashes.items() if not found.isdisjoint(hashes)}

    def _reserve(self, messages: Composed, suppressed: set[int]) -> dict[int, Outcome]:
        """Count what will be sent against the budgets, once for each delivery; return the outcome of what is beyond."""
        addresses = {}
        for claim in self.claims:
            message = messages.get(claim.id)
            must_reserve = is_counted(claim.kind) and not claim.budgeted and claim.id not in suppressed
            if must_reserve and isinstance(message, OutgoingMessage):
                addresses[claim.id] = message.to
        return reserve_emails(addresses)

    def _list_domains(self, messages: Composed, suppressed: set[int]) -> dict[int, str]:
        """Return the recipients' domains of the emails that will be offered, in their order."""
        return {
            claim.id: message.domain
            for claim in self.claims
            if isinstance(message := messages.get(claim.id), OutgoingMessage)
            and claim.id not in suppressed
            and claim.id not in self.beyond_budget
        }

    def _send_each(self, messages: Composed, suppressed: set[int]) -> None:
        for position, claim in enumerate(self.claims):
            if not self.has_time() or time.monotonic() > self.start_deadline:
                self._release(self.claims[position:])
                break
            if not self._may_send(position):
                continue
            composed = messages.get(claim.id)
            next_envelope = self._find_next_envelope(position, messages, suppressed)
            began = time.monotonic()
            outcome = self._attempt(claim, composed, suppressed, next_envelope) if composed else COMPOSITION_FAILED
            is_servers = outcome.server_trouble or self._is_server_refusing(composed, outcome)
            if not is_servers:
                outcome = self._note_reply(claim, composed, outcome)
            self._add_result(claim, composed if isinstance(composed, OutgoingMessage) else None, outcome, began)
            if is_servers:
                self._back_off_server(outcome, self.claims[position + 1 :])
                break

    def _find_next_envelope(self, position: int, messages: Composed, suppressed: set[int]) -> Envelope | None:
        """Return the envelope of the email that is sent after this one, which may be pipelined."""
        for claim in self.claims[position + 1 : position + 1 + LOOKAHEAD_EMAILS]:
            message = messages.get(claim.id)
            if (
                isinstance(message, OutgoingMessage)
                and claim.id not in suppressed
                and claim.id not in self.beyond_budget
                and not self.pace.find_outcome(claim.id)
            ):
                current = messages.get(self.claims[position].id)
                shares_connection = isinstance(current, OutgoingMessage) and (
                    self.servers.choose(message) is self.servers.choose(current)
                )
                return (return_path(claim.id), message.to) if shares_connection else None
        return None

    def _may_send(self, position: int) -> bool:
        """Return whether a row may be sent: where a crash must not repeat it, only once it is begun."""
        if self.queue.send_again_after_crash:
            return True
        if position == self.next_begin_position:
            self._begin(position)
        return self.claims[position].id in self.begun

    def _begin(self, position: int) -> None:
        if position:
            elapsed = time.monotonic() - self.began_at
            self.begin_batch_size = scale_batch_size(
                TARGET_BEGIN_SECONDS,
                self.begin_batch_size,
                elapsed,
                minimum=1,
                maximum=self.queue.max_begin_batch_size,
            )
            if self.throttle.must_yield:
                self._record_results()  # a sent email does not stay unrecorded during the wait
                self.throttle.wait()
        self.began_at, self.next_begin_position = time.monotonic(), position + self.begin_batch_size
        starting = self.claims[position : self.next_begin_position]
        self._record_results({claim.id: self._address_hash(claim) for claim in starting})

    def _address_hash(self, claim: ClaimedDelivery) -> str | None:
        """Return the hash of the address that an email goes to; it stays what it was when it was first offered."""
        return claim.address_hash or next(iter(self.hashes.get(claim.id, ())), None)

    def _compose(self) -> Composed:
        try:
            return compose(self.claims)
        except Exception:
            # One row that cannot be composed must not fail its batch.
            db.session.rollback()
            return {claim.id: message for claim in self.claims for message in self._compose_one(claim)}

    def _compose_one(self, claim: ClaimedDelivery) -> list[OutgoingMessage | Skipped]:
        try:
            return list(compose([claim]).values())
        except Exception as error:
            if isinstance(error, OperationalError) or is_outage(error):
                raise  # the database's fault, not this row's
            is_new = (claim.kind, type(error)) not in self.logged
            self.logged.add((claim.kind, type(error)))
            log.error(
                "an email could not be composed", delivery=claim.id, kind=claim.kind, request_id=claim.request_id,
                exc_info=is_new,
            )  # fmt: skip
            return []

    def _attempt(
        self,
        claim: ClaimedDelivery,
        message: OutgoingMessage | Skipped,
        suppressed: set[int],
        next_envelope: Envelope | None,
    ) -> Outcome:
        if isinstance(message, Skipped):
            return Outcome(DeliveryState.CANCELLED, reason=message.reason, attempted=False)
        if claim.address_hash and claim.address_hash not in self.hashes[claim.id]:
            # One delivery goes to one address: a late bounce of the first must not be taken for the second's.
            return Outcome(DeliveryState.CANCELLED, reason="the address was changed since", attempted=False)
        if claim.id in suppressed:
            return Outcome(DeliveryState.SUPPRESSED, reason="the address is on the suppression list", attempted=False)
        if claim.id in self.beyond_budget:
            return self.beyond_budget[claim.id]
        if postponed := self.pace.find_outcome(claim.id):
            return postponed
        attributes: tracing.Attributes = {
            "petition.delivery": claim.id, "petition.queue": self.queue.name, "petition.attempt": claim.attempt,
        }  # fmt: skip
        with tracing.span_of_email(claim.request_id, f"send {claim.kind}", attributes) as noted:
            outcome = deliver(
                message,
                return_path(claim.id),
                lease_deadline=self.lease_deadline,
                send_again=self.queue.send_again_after_crash,
                next_envelope=next_envelope,
                relay=self.servers.use(message).state,
            )
            noted |= {"petition.state": str(outcome.state), "smtp.code": outcome.code or 0}
        return outcome

    def _note_reply(
        self, claim: ClaimedDelivery, message: OutgoingMessage | Skipped | None, outcome: Outcome
    ) -> Outcome:
        """Note the reply to an email, and return its outcome: it waits, with others, if its provider refuses us."""
        if not isinstance(message, OutgoingMessage) or not outcome.attempted:
            return outcome
        return self.pace.note(claim.id, message.domain, outcome)

    def _is_server_refusing(self, message: OutgoingMessage | Skipped | None, outcome: Outcome) -> bool:
        """Return whether all workers back off from the server, as mail to several providers is refused.

        Commits where a reply may be the server's trouble.
        """
        if not isinstance(message, OutgoingMessage) or not outcome.server_suspected:
            return False
        self._record_results()  # an email that the server took before is evidence that it is well
        backs_off = self.servers.is_rejecting(message, outcome)
        db.session.commit()
        return backs_off

    def _add_result(
        self, claim: ClaimedDelivery, message: OutgoingMessage | None, outcome: Outcome, began: float
    ) -> None:
        domain = message.domain if message else None
        # Of an email that was not offered, nothing can be reported.
        address_hash = self._address_hash(claim) if outcome.attempted else None
        self.unrecorded.append(DeliveryResult(claim, outcome, domain, clock.now(), address_hash, self.servers.scope))
        log.info(
            "email",
            delivery=claim.id,
            kind=claim.kind,
            attempt=claim.attempt,
            state=outcome.state,
            code=outcome.code,
            request_id=claim.request_id,
        )
        if outcome.state == DeliveryState.SENT:
            note_success()
        if domain:
            note_outcome(self.queue, domain, outcome, began)
        if outcome.mailbox_gone and message:
            suppress(message.to, outcome.reason or "mailbox gone")
        # A suppression is committed at once: no transaction stays open while emails are sent.
        # Queues that mark rows as begun record the earlier outcomes along with that mark.
        is_late = self.queue.send_again_after_crash and time.monotonic() - self.recorded_at > RECORD_INTERVAL_SECONDS
        if outcome.mailbox_gone or is_late:
            self._record_results()

    def _record_results(self, begin: Mapping[int, str | None] | None = None) -> None:
        """Record outcomes and begin the next rows; retry while the database restarts, as sent rows must not be due."""
        if not self.unrecorded and not begin:
            return
        for attempt in range(1, MAX_RECORD_ATTEMPTS + 1):
            try:
                # In the session's transaction if it has one, as of a suppression, to commit both together.
                autocommit = not db.session().in_transaction()
                settled, begun = record_results(
                    self.queue, self.token, self.unrecorded, self.context, begin, autocommit=autocommit
                )
                if not autocommit:
                    db.session.commit()
                self.settled, self.begun = self.settled + settled, self.begun | begun
                self.unrecorded.clear()
                self.recorded_at = time.monotonic()
                return
            except DBAPIError:
                db.session.rollback()
                if attempt == MAX_RECORD_ATTEMPTS:
                    raise
                time.sleep(1)

    def _release(self, claims: Sequence[ClaimedDelivery]) -> None:
        if claims:
            release(self.token, claims)
            db.session.commit()

    def _back_off_server(self, outcome: Outcome, remaining: Sequence[ClaimedDelivery]) -> None:
        self._record_results()
        self.servers.back_off(outcome)
        release(self.token, remaining)
        db.session.commit()
        log.warning("mail server in trouble: backing off", code=outcome.code, reason=outcome.reason)
