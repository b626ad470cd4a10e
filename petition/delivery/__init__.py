"""Email delivery: an outbox table in PostgreSQL, workers that claim its rows, SMTP, bounces and suppressions.

Knows no other feature: each feature registers the composers of its kinds of email.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # some modules are imported without the application, by `petition queue check`
    from flask import Flask


def register(app: "Flask") -> None:
    """Set up the composers, the wake-ups, the worker's task, the mail connection and the bounces."""
    from petition.core.celery import register_task
    from petition.delivery import bounces, composers, tasks, wakeup, worker
    from petition.delivery.pacing import providers
    from petition.delivery.rendering import templates
    from petition.delivery.smtp import connection, relays
    from petition.delivery.suppressions import keys

    app.extensions.setdefault("petition.start_checks", []).append(keys.require_keys)
    composers.init_app(app)
    wakeup.init_app(app)
    worker.init_app(app)
    templates.init_app(app)
    connection.init_app(app)
    relays.init_app(app)
    providers.init_app(app)
    register_task(app, tasks.run_queue_task, bind=True)
    register_task(app, tasks.run_retention)
    tasks.stop_on_shutdown()
    bounces.register(app)
