"""The lanes: one Celery queue and one worker each, so that no kind of email delays another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lane:
    """How the emails of one lane are handled."""

    name: str
    batch: int  # rows claimed at once, to begin with
    largest_batch: int  # rows claimed at once while emails leave quickly
    send_again_after_crash: bool  # else the row becomes `unknown` and waits for a person
    max_attempts: int
    # SQL that names the mailings whose rows may be claimed now; read with each claim. None where rows have no mailing.
    open_mailings: str | None = None
    # Emails marked as begun before they are sent, where a crash must not repeat any: to begin with, and at most.
    begin_at_once: int = 0
    largest_begin: int = 0
    gives_way_to: str | None = None  # the lane while whose emails leave this one goes more slowly

    @property
    def has_way(self) -> bool:
        """Whether another lane gives way to this one."""
        return any(lane.gives_way_to == self.name for lane in LANES.values())


# A mailing's state is the mailings' affair; this one line of it is what a claim must read in its own statement.
SENDING_MAILINGS = "SELECT id FROM mailings WHERE state = 'sending' ORDER BY random()"

# With jitter between 15 s and 4 h, 15 attempts span the better part of a day: shorter than any link's life.
CONFIRMATIONS = Lane("confirmations", batch=40, largest_batch=200, send_again_after_crash=True, max_attempts=15)
NOTICES = Lane("notices", batch=40, largest_batch=200, send_again_after_crash=True, max_attempts=15)
MAILINGS = Lane(
    "mailings",
    batch=40,
    largest_batch=100,  # what a mailing does at once, a confirmation waits for
    send_again_after_crash=False,
    max_attempts=15,
    begin_at_once=5,
    largest_begin=20,
    gives_way_to="confirmations",
    open_mailings=SENDING_MAILINGS,
)

LANES = {lane.name: lane for lane in (CONFIRMATIONS, NOTICES, MAILINGS)}
UPKEEP = "upkeep"  # the queue of what is not email: purges and reminders
QUEUES = (*LANES, UPKEEP)
EVERYTHING = "all"
SERVER = "server"  # the hold that a mail server's own refusal sets for a while
