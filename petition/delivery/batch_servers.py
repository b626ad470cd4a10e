"""The mail servers of one claim: which relay sends each email, and which of them all workers back off from."""

from petition.delivery.pacing.batch_pace import BatchPace
from petition.delivery.pacing.paces import clear_unclear_rejections
from petition.delivery.pauses import back_off_server
from petition.delivery.queues import SERVER
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.server_health import report_rejection
from petition.delivery.smtp import relays
from petition.delivery.smtp.relays import Relay, RelayChoice
from petition.delivery.smtp.responses import Outcome


class BatchServers:
    """Chooses a relay for each email, and remembers that of the last one, whose reply is evaluated."""

    def __init__(self, pace: BatchPace) -> None:
        self._pace, self._choice = pace, RelayChoice()
        self._relay: Relay | None = None  # of the last email that was offered

    def choose(self, message: OutgoingMessage) -> Relay:
        """Return the relay of an email."""
        return self._choice.choose(lambda: self._pace.find_provider(message.domain))

    def use(self, message: OutgoingMessage) -> Relay:
        """Return the relay of an email that is offered now."""
        self._relay = self.choose(message)
        return self._relay

    @property
    def scope(self) -> str:
        """The scope of the rest of the mail server that the last email was offered to."""
        return self._relay.scope if self._relay else SERVER

    def is_rejecting(self, message: OutgoingMessage, outcome: Outcome) -> bool:
        """Return whether all workers back off from the server, as mail to several providers is rejected.

        No provider is backed off from then. Flushes, and commits what it clears them of.
        """
        if not report_rejection(self._pace.find_provider(message.domain), outcome, self.scope):
            return False
        clear_unclear_rejections()
        return True

    def back_off(self, outcome: Outcome) -> None:
        """Back off from the server, or from one of several relays: sending stops only if it does from all. Flushes."""
        reason = outcome.reason or "the mail server refused"
        relay = self._relay if self.scope != SERVER else None
        if outcome.server_trouble:
            back_off_server(f"{relay.name}: {reason}" if relay else reason, self.scope)
        if relay:
            relays.expire()
            if self._choice.all_backing_off(relay):
                back_off_server(reason)
