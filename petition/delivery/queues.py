"""The queues: one Celery queue and one worker each, so that no kind of email delays another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """How the emails of one queue are handled."""

    name: str
    batch_size: int  # rows of the first claim
    max_batch_size: int  # rows of a claim where emails leave quickly
    send_again_after_crash: bool  # else a row whose worker died becomes `unknown`, and an operator decides
    max_attempts: int
    # Whether rows belong to mailings: then only those of mailings that are being sent may be claimed.
    by_mailing: bool = False
    # Rows marked as begun before they are sent, where a crash must not repeat any: at first, and at most.
    begin_batch_size: int = 0
    max_begin_batch_size: int = 0
    yields_to: str | None = None  # the queue with priority: while its emails are sent, this one slows down

    @property
    def has_priority(self) -> bool:
        """Whether another queue yields to this one."""
        return any(queue.yields_to == self.name for queue in EMAIL_QUEUES.values())


# With jitter between 15 s and 4 h, 15 attempts take 12 to 24 hours: less than the validity of any link.
CONFIRMATIONS = Queue("confirmations", batch_size=40, max_batch_size=200, send_again_after_crash=True, max_attempts=15)
NOTIFICATIONS = Queue("notifications", batch_size=40, max_batch_size=200, send_again_after_crash=True, max_attempts=15)
MAILINGS = Queue(
    "mailings",
    batch_size=40,
    max_batch_size=100,  # a confirmation may have to wait for the statements of one such claim
    send_again_after_crash=False,
    max_attempts=15,
    by_mailing=True,
    begin_batch_size=5,
    max_begin_batch_size=20,
    yields_to="confirmations",
)

EMAIL_QUEUES = {queue.name: queue for queue in (CONFIRMATIONS, NOTIFICATIONS, MAILINGS)}
MAINTENANCE = "maintenance"  # the queue of tasks that send no email: retention, reminders, bulk actions
WEBHOOKS = "webhooks"  # the queue of messages to other programs
QUEUE_NAMES = (*EMAIL_QUEUES, MAINTENANCE, WEBHOOKS)

# Scopes of a pause, beside the names of queues.
EVERYTHING = "all"
SERVER = "server"  # set for a while when the mail server is in trouble
