"""The Celery app, its queues and its beat schedule: `celery -A worker worker -Q confirmations`."""

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import Any

from celery.apps import worker as celery_worker
from celery.schedules import crontab
from celery.signals import celeryd_init, setup_logging, task_prerun, worker_ready, worker_shutdown
from celery.worker.consumer.delayed_delivery import DelayedDelivery
from kombu.transport import redis as by_redis

from config import Config
from petition.app import create_app
from petition.core.celery import DisconnectTolerantQoS, declare_queues, with_worker_timeouts
from petition.core.health import StartRefused, require_database
from petition.core.settings.checks import BadSetting
from petition.delivery.queues import EMAIL_QUEUES, MAILINGS, MAINTENANCE, NOTIFICATIONS, QUEUE_NAMES, WEBHOOKS
from petition.delivery.wakeup import RUN_QUEUE_TASK
from petition.operations.workers.heartbeat import HeartbeatThread

MAILING_NICENESS = 10  # of a thread that sends a mailing, where a worker sends nothing else
SWEEP_INTERVAL_SECONDS = 5.0  # bounds the delay of an email whose wake-up was lost

try:
    flask_app = create_app(Config())
    require_database(flask_app)
except (BadSetting, StartRefused) as error:
    sys.exit(f"petition: {error}")

app = flask_app.extensions["celery"]
app.conf.task_queues = declare_queues(QUEUE_NAMES, flask_app.config["BROKER_URL"])
# A worker blocks on its queue: its sockets have longer timeouts than a publisher's.
app.conf.broker_transport_options = with_worker_timeouts(app.conf.broker_transport_options)
by_redis.Channel.QoS = DisconnectTolerantQoS
# On RabbitMQ it declares 28 queues and exchanges for tasks with a countdown; there is none.
DelayedDelivery.include_if = lambda *_: False
celery_worker.safe_say = lambda *_: None  # "Warm shutdown", not in the log's format; the heartbeat says that it stops
SWEEP_EXPIRY_SECONDS = 3 * SWEEP_INTERVAL_SECONDS
NIGHTLY = crontab(hour="3", minute="17")
# Task, its arguments, queue, seconds or crontab, seconds after which a message that no worker took expires.
# The maintenance worker has no access to the mail server, to the bounce mailbox or to their passwords.
PERIODIC_TASKS = (
    *((RUN_QUEUE_TASK, [queue], queue, SWEEP_INTERVAL_SECONDS, SWEEP_EXPIRY_SECONDS) for queue in EMAIL_QUEUES),
    ("petition.signatures.tasks.run_reminders", [], MAINTENANCE, 600.0, 600.0),
    ("petition.signatures.tasks.run_release_names", [], MAINTENANCE, 20.0, 20.0),
    ("petition.signatures.tasks.run_list_requests", [], MAINTENANCE, 5.0, 15.0),
    ("petition.signatures.tasks.watch_attacks", [], MAINTENANCE, 30.0, 60.0),
    ("petition.signatures.tasks.set_aside_disposable", [], MAINTENANCE, 30.0, 60.0),
    ("petition.signatures.tasks.run_retention", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.retention.tasks.run_anonymisation", [], MAINTENANCE, 60.0, 60.0),
    ("petition.retention.tasks.run_folding", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.mailings.tasks.run_process_mailings", [], MAINTENANCE, 5.0, 10.0),
    ("petition.petitions.tasks.roll_up_statistics", [], MAINTENANCE, 15.0, 15.0),
    ("petition.count_log.tasks.append_to_logs", [], MAINTENANCE, 5.0, 15.0),
    ("petition.integrity.tasks.run_detection", [], MAINTENANCE, 30.0, 30.0),
    ("petition.integrity.tasks.run_retention", [], MAINTENANCE, 3600.0, 3 * 3600.0),
    ("petition.petitions.tasks.read_paper_files", [], MAINTENANCE, 5.0, 15.0),
    ("petition.petitions.tasks.delete_stale_paper_drafts", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.exports.documents.tasks.make_documents", [], MAINTENANCE, 5.0, 15.0),
    ("petition.exports.documents.tasks.make_dossiers", [], MAINTENANCE, 5.0, 15.0),
    ("petition.exports.documents.tasks.request_missing_cards", [], MAINTENANCE, 60.0, 60.0),
    ("petition.exports.documents.tasks.run_retention", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.desk.tasks.count_opt_ins", [], MAINTENANCE, 300.0, 300.0),
    ("petition.desk.tasks.check_alerts", [], MAINTENANCE, 60.0, 60.0),
    ("petition.desk.tasks.run_retention", [], MAINTENANCE, 3600.0, 3 * 3600.0),
    ("petition.bulk_actions.tasks.run_bulk_actions", [], MAINTENANCE, 5.0, 15.0),
    ("petition.bulk_actions.tasks.run_retention", [], MAINTENANCE, 3600.0, 3 * 3600.0),
    ("petition.backups.tasks.run_write_journal", [], MAINTENANCE, 5.0, 15.0),
    ("petition.team.tasks.run_link_requests", [], MAINTENANCE, 5.0, 15.0),
    ("petition.team.tasks.run_retention", [], MAINTENANCE, 3600.0, 3 * 3600.0),
    ("petition.delivery.bounces.tasks.run_poll", [], NOTIFICATIONS.name, 60.0, 60.0),
    ("petition.delivery.tasks.run_retention", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.delivery.bounces.tasks.run_retention", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.operations.tasks.run_probe", [], NOTIFICATIONS.name, 10.0, 10.0),
    ("petition.operations.tasks.run_record_troubles", [], MAINTENANCE, 15.0, 15.0),
    ("petition.operations.tasks.run_check_host", [], MAINTENANCE, 300.0, 300.0),
    # These reach out, which the worker of maintenance may not.
    ("petition.integrity.tasks.run_look_up", [], NOTIFICATIONS.name, 60.0, 60.0),
    ("petition.count_log.tasks.run_timestamps", [], NOTIFICATIONS.name, 300.0, 300.0),
    ("petition.operations.tasks.run_check_site", [], NOTIFICATIONS.name, 600.0, 600.0),
    ("petition.operations.tasks.run_check_sign_in_provider", [], NOTIFICATIONS.name, 60.0, 60.0),
    ("petition.operations.tasks.run_send_webhooks", [], NOTIFICATIONS.name, 10.0, 10.0),
    # A receiver may hang: it keeps nothing else waiting.
    ("petition.integrations.tasks.run_send_webhooks", [], WEBHOOKS, 5.0, 15.0),
    ("petition.integrations.tasks.run_retention", [], MAINTENANCE, 3600.0, 3 * 3600.0),
    ("petition.operations.tasks.run_retention", [], MAINTENANCE, 3600.0, 3600.0),
    ("petition.operations.tasks.run_reconcile", [], MAINTENANCE, NIGHTLY, 6 * 3600.0),
)
app.conf.beat_schedule = {
    " ".join([task, *arguments]): {
        "task": task, "args": arguments, "schedule": schedule, "options": {"queue": queue, "expires": expires},
    }
    for task, arguments, queue, schedule, expires in PERIODIC_TASKS
}  # fmt: skip
app.conf.beat_scheduler = "petition.operations.workers.heartbeat:HeartbeatScheduler"


@celeryd_init.connect
def _disable_banner(instance: Any, **_: Any) -> None:
    """Print no banner: writing it to a full disk would end the worker."""
    instance.quiet = True


@setup_logging.connect
def _keep_logging_setup(**_: Any) -> None:
    """Leave logging as the application configured it: Celery would silence the line that each email gets."""
    for library in ("celery", "kombu"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _lower_thread_priority(**_: Any) -> None:
    """Let the current thread yield to whoever serves signers: a tenth of their share of a busy processor.

    Not `SCHED_IDLE`: where other work keeps the processors busy, a thread that holds the interpreter's lock or a row's
    would not run for minutes, nor would who waits for it (docs/decisions/0028).
    """
    with suppress(OSError):  # a system may have no priorities of threads, and nothing depends on them
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), MAILING_NICENESS)


@worker_ready.connect
def _on_ready(sender: Any, **_: Any) -> None:
    """Start the heartbeat, lower the priority of a worker for mailings alone, and tell `petition up` it is ready."""
    queues = [queue.name for queue in sender.task_consumer.queues]
    heartbeat = HeartbeatThread(flask_app, sender.hostname, queues, sender.pool.limit)
    heartbeat.start()
    worker_shutdown.connect(lambda **_: heartbeat.stop(), weak=False)
    if queues == [MAILINGS.name]:
        task_prerun.connect(_lower_thread_priority)  # sent in the thread that runs the task
    folder = flask_app.config["PETITION_READY_DIR"]
    if folder:
        (folder / sender.hostname.split("@")[0]).touch()
