"""The queues: one Celery queue and one worker each, so that no kind of email delays another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """How the emails of one queue are handled."""

    name: str
    batch_size: int  # rows claimed at once, to begin with
    max_batch_size: int  # rows claimed at once while emails leave quickly
    send_again_after_crash: bool  # else the row becomes `unknown` and waits for a person
    max_attempts: int
    # SQL that names the mailings whose rows may be claimed now; read with each claim. None where rows have no mailing.
    open_mailings: str | None = None
    # Emails marked as begun before they are sent, where a crash must not repeat any: to begin with, and at most.
    begin_batch_size: int = 0
    max_begin_batch_size: int = 0
    yields_to: str | None = None  # the queue while whose emails leave this one goes more slowly

    @property
    def has_priority(self) -> bool:
        """Whether another queue gives way to this one."""
        return any(queue.yields_to == self.name for queue in EMAIL_QUEUES.values())


# A mailing's state is the mailings' affair; this one line of it is what a claim must read in its own statement.
SENDING_MAILINGS = "SELECT id FROM mailings WHERE state = 'sending' ORDER BY random()"

# With jitter between 15 s and 4 h, 15 attempts span the better part of a day: shorter than any link's life.
CONFIRMATIONS = Queue("confirmations", batch_size=40, max_batch_size=200, send_again_after_crash=True, max_attempts=15)
NOTIFICATIONS = Queue("notifications", batch_size=40, max_batch_size=200, send_again_after_crash=True, max_attempts=15)
MAILINGS = Queue(
    "mailings",
    batch_size=40,
    max_batch_size=100,  # what a mailing does at once, a confirmation waits for
    send_again_after_crash=False,
    max_attempts=15,
    begin_batch_size=5,
    max_begin_batch_size=20,
    yields_to="confirmations",
    open_mailings=SENDING_MAILINGS,
)

EMAIL_QUEUES = {queue.name: queue for queue in (CONFIRMATIONS, NOTIFICATIONS, MAILINGS)}
MAINTENANCE = "maintenance"  # the queue of what is not email: purges and reminders
QUEUE_NAMES = (*EMAIL_QUEUES, MAINTENANCE)
EVERYTHING = "all"
SERVER = "server"  # the hold that a mail server's own refusal sets for a while
