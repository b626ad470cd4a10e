"""Every fault, by name, and its permitted effects."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from support.faults import faults
from support.misbehaving_smtp import CLOSE, HANG, SLOW, STAGES

MAX_REPEATS_PER_CRASH = 4 * 10  # threads of the worker × emails that each may have sent and not recorded


@dataclass(frozen=True)
class Fault:
    """A fault by name. `max_repeats`: how many emails may be repeated, as it can fall between a 250 and our commit.

    `visible_to_people`: requests may get no answer, or a retryable one. `quick`: part of the quick form. `clock`: every
    process and service uses a clock that can be set. `reported`: the check, the page and the metrics say so while
    it lasts, as emails, or a part of the system, are stopped by it. `recovery_seconds`: until all is as before.
    """

    name: str
    run: Callable
    seconds: float = 6
    max_repeats: int = 0
    visible_to_people: bool = False
    quick: bool = False
    clock: bool = False
    reported: bool = False
    recovery_seconds: float = 15


KILLED = [
    Fault("web killed", partial(faults.killed, "web"), quick=True, visible_to_people=True),
    Fault("web's child killed", faults.web_child_killed, seconds=2, visible_to_people=True),
    # What a killed worker was sending waits for its lease.
    Fault(
        "worker killed",
        faults.worker_killed,
        max_repeats=MAX_REPEATS_PER_CRASH,
        quick=True,
        reported=True,
        recovery_seconds=20,
    ),
    Fault("beat killed", partial(faults.killed, "beat"), reported=True),
    Fault("web suspended", partial(faults.suspended, "web"), visible_to_people=True, quick=True),
    Fault("worker suspended within its lease", partial(faults.suspended, "worker"), seconds=4),
    Fault(
        "worker suspended beyond its lease",
        partial(faults.suspended, "worker"),
        seconds=16,
        max_repeats=MAX_REPEATS_PER_CRASH,
        reported=True,
    ),
    Fault("beat suspended", partial(faults.suspended, "beat"), reported=True),
]
ENGINES = [
    Fault(
        "PostgreSQL stopped fast",
        partial(faults.postgres_stopped, signal.SIGINT),
        visible_to_people=True,
        reported=True,
    ),
    Fault(
        "PostgreSQL stopped at once",
        partial(faults.postgres_stopped, signal.SIGQUIT),
        quick=True,
        visible_to_people=True,
        reported=True,
    ),
    Fault("PostgreSQL suspended", faults.postgres_suspended, visible_to_people=True, quick=True, reported=True),
    Fault("Valkey killed", partial(faults.valkey_killed, True), reported=True),
    Fault("Valkey killed, its memory lost", partial(faults.valkey_killed, False), quick=True, reported=True),
    Fault("broker black-holed", faults.broker_black_holed, quick=True, reported=True),
]
CHANGES = [
    Fault("log on a full disk", faults.log_disk_full, visible_to_people=True),
    Fault("web processes replaced", faults.web_replaced, quick=True),
    Fault("workers replaced", faults.workers_replaced),
    Fault("key rotated", faults.key_rotated, quick=True),
    Fault("new schema deployed", faults.schema_deployed),
]
CLOCK = [
    # Leases end at once: another worker takes over what was claimed.
    Fault(
        "clock moved forward by an hour",
        partial(faults.clock_stepped, 3600),
        max_repeats=MAX_REPEATS_PER_CRASH,
        clock=True,
    ),
    Fault("clock moved back by an hour", partial(faults.clock_stepped, -3600), clock=True),
]


def max_repeats_at(stage):
    """Return how many emails may be repeated: one that was accepted is unknown if the final reply is lost.

    Twelve people a second for ten seconds, each of whose emails is tried once while it lasts.
    """
    return 120 if stage == "end of data" else 0


QUICK_MAIL_FAULTS = {
    "mail server refuses connections",
    "mail server hangs at DATA",
    "mail server closes at RCPT",
    "mail server closes at end of data",
    "mail server answers 421 at banner",
    "mail server answers 451 at RCPT",
}


def mail_fault(name, run, stage, seconds=6, **more):
    """Return a fault of the mail server. A rejected EHLO is followed by HELO; after QUIT nothing is left to fail."""
    reported = stage != "QUIT" and not name.endswith(" at EHLO")
    return Fault(name, run, seconds, **{"reported": reported, "quick": name in QUICK_MAIL_FAULTS, **more})


MAIL = [
    mail_fault("mail server refuses connections", faults.smtp_refusing_connections, "connection"),
    *(
        mail_fault(
            f"mail server hangs at {s}",
            partial(faults.smtp_misbehaving, s, HANG),
            s,
            12,
            max_repeats=max_repeats_at(s),
            reported=s != "QUIT",
        )
        for s in STAGES
    ),
    *(
        mail_fault(
            f"mail server closes at {s}",
            partial(faults.smtp_misbehaving, s, CLOSE),
            s,
            max_repeats=max_repeats_at(s),
            reported=s != "QUIT",
        )
        for s in STAGES
    ),
    *(Fault(f"mail server slow at {s}", partial(faults.smtp_misbehaving, s, SLOW), 12) for s in STAGES),
    *(
        mail_fault(f"mail server answers {code} at {s}", partial(faults.smtp_misbehaving, s, f"{code} 4.3.2 later"), s)
        for code in (421, 451)
        for s in STAGES[:-1]
    ),
    # Before a recipient is named the reply concerns the sender, not an email: all are deferred.
    *(
        mail_fault(f"mail server answers 550 at {s}", partial(faults.smtp_misbehaving, s, "550 5.7.1 no"), s)
        for s in STAGES[:3]
    ),
    *(
        mail_fault(f"mail server answers 550 at {s}", partial(faults.smtp_rejecting, s, "550 5.2.2 full"), s)
        for s in STAGES[3:-1]
    ),
    *(
        mail_fault(f"mail server answers garbage at {s}", partial(faults.smtp_misbehaving, s, "\x01 what?"), s)
        for s in STAGES
    ),
]
FAULTS = [*KILLED, *ENGINES, *CHANGES, *CLOCK, *MAIL]
