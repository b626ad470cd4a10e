"""The Celery app, its queues and its beat schedule: `celery -A worker worker -Q confirmations`."""

import logging
import os
import sys
from contextlib import suppress
from typing import Any

from celery.schedules import crontab
from celery.signals import celeryd_init, setup_logging, worker_ready, worker_shutdown
from kombu.transport import redis as by_redis

from config import BadSetting, Config
from petition import create_app
from petition.core.errors import Refusal
from petition.core.health import require_database
from petition.core.queue import InHand, patient, queues
from petition.delivery.doorbell import DISPATCH
from petition.delivery.lanes import LANES, MAILINGS, NOTICES, QUEUES, UPKEEP
from petition.operations.heartbeat import Pulse

SWEEP = 5.0  # seconds: the longest that a lost ring delays an email

try:
    flask_app = create_app(Config())
    require_database(flask_app)
except (BadSetting, Refusal) as problem:
    sys.exit(f"petition: {problem}")

app = flask_app.extensions["celery"]
app.conf.task_queues = queues(QUEUES, flask_app.config["BROKER_URL"])
# A worker blocks on its queue: its sockets wait longer than a publisher's.
app.conf.broker_transport_options = patient(app.conf.broker_transport_options)
by_redis.Channel.QoS = InHand
app.conf.beat_schedule = {
    f"sweep-{lane}": {
        "task": DISPATCH, "args": [lane], "schedule": SWEEP, "options": {"queue": lane, "expires": 3 * SWEEP},
    }
    for lane in LANES
} | {
    name: {
        "task": f"petition.signatures.tasks.{name}", "schedule": seconds,
        "options": {"queue": UPKEEP, "expires": seconds},
    }
    for name, seconds in {"remind": 600.0, "forget": 3600.0}.items()
} | {
    f"bounces-{name}": {
        "task": f"petition.delivery.bounces.tasks.{name}", "schedule": seconds,
        "options": {"queue": queue, "expires": seconds},
    }
    # Upkeep knows no password of a mailbox.
    for name, queue, seconds in (("poll", NOTICES.name, 60.0), ("forget", UPKEEP, 3600.0))
} | {
    "watch-mailings": {
        "task": "petition.mailings.tasks.watch", "schedule": SWEEP, "options": {"queue": UPKEEP, "expires": 2 * SWEEP},
    }
} | {
    f"petitions-{name}": {
        "task": f"petition.petitions.tasks.{name}", "schedule": seconds,
        "options": {"queue": UPKEEP, "expires": seconds},
    }
    for name, seconds in {"fold": 15.0, "tidy": 3600.0}.items()
} | {
    name: {
        "task": f"petition.team.tasks.{task}", "schedule": seconds,
        "options": {"queue": UPKEEP, "expires": 3 * seconds},
    }
    for name, task, seconds in (("act", "act", 5.0), ("tidy-drafts", "tidy", 3600.0))
} | {
    name: {
        "task": f"petition.operations.tasks.{name}", "schedule": when,
        "options": {"queue": queue, "expires": expires},
    }
    for name, queue, when, expires in (
        ("probe", NOTICES.name, 15.0, 15.0),  # upkeep knows neither the mail server nor its password
        ("tidy", UPKEEP, 3600.0, 3600.0),
        ("reconcile", UPKEEP, crontab(hour="3", minute="17"), 6 * 3600.0),
    )
}  # fmt: skip
app.conf.beat_scheduler = "petition.operations.heartbeat:Ticking"


@celeryd_init.connect
def _no_banner(instance: Any, **_: Any) -> None:
    """Print nothing at the start: a worker whose output goes to a disk that is full would end of it."""
    instance.quiet = True


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Leave the logs as the application set them up; Celery would silence the line that each email gets."""
    for library in ("celery", "kombu"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _give_way() -> None:
    """Have the threads that are made from now on take the processor time that all else on this machine leaves.

    Niceness shares out the time but lets a turn end: under a mailing, each step of a confirmation waited for one.
    """
    with suppress(OSError):  # forbidden in some containers, and nothing depends on it
        if hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        else:
            os.nice(19)


@worker_ready.connect
def _say_ready(sender: Any, **_: Any) -> None:
    """Start the heartbeat, and tell `petition up` that this worker takes work."""
    queues = [queue.name for queue in sender.task_consumer.queues]
    pulse = Pulse(flask_app, sender.hostname, queues, sender.pool.limit)
    pulse.start()
    if queues == [MAILINGS.name]:
        _give_way()
    worker_shutdown.connect(lambda **_: pulse.end(), weak=False)
    folder = flask_app.config["PETITION_READY_DIR"]
    if folder:
        (folder / sender.hostname.split("@")[0]).touch()
