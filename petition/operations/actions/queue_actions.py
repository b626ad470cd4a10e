"""Pause and resume queues, with an audit event."""

from petition.delivery import pauses
from petition.delivery.models import Pause
from petition.delivery.queues import EVERYTHING, SERVER
from petition.team import audit


def pause_queue(queue: str, reason: str, by: str) -> None:
    """Pause a queue, or all of them; emails already claimed are still sent. Flushes, does not commit."""
    reason = reason[:200]
    pauses.pause(queue, reason, by)
    audit.record("queue.paused", "queue", queue, after={"reason": reason})


def resume_queue(queue: str) -> bool:
    """Resume a queue, or all of them; return whether it was paused. Flushes, does not commit."""
    was_paused = pauses.resume(queue)
    if was_paused:
        audit.record("queue.resumed", "queue", queue)
    return was_paused


def list_still_paused(resumed: str) -> list[Pause]:
    """Return the pauses that go on although a queue, or all of them, was resumed: of single queues, or of all."""
    found = [pause for pause in pauses.list_pauses() if not pause.scope.startswith(SERVER)]
    return found if resumed == EVERYTHING else [pause for pause in found if pause.scope in (resumed, EVERYTHING)]
