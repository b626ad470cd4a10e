"""The operators' view of the mail queue: statistics, health, actions, metrics, reconciliation."""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the pages under /ops/, /metrics, the readiness checks and the periodic tasks."""
    from petition.bulk_actions.runner import register_handler
    from petition.core.celery import register_task
    from petition.operations import delivery_actions, readiness, tasks
    from petition.operations.views import actions, bounces, dashboard, metrics, suppressions

    readiness.init_app(app)
    for view in (dashboard, actions, bounces, suppressions, metrics):
        app.register_blueprint(view.blueprint)
    register_handler(app, delivery_actions.SUBJECT, "retry", delivery_actions.retry)
    register_handler(app, delivery_actions.SUBJECT, "discard", delivery_actions.discard)
    register_handler(app, delivery_actions.SUBJECT, "mark-sent", delivery_actions.mark_sent)
    register_task(app, tasks.run_probe)
    register_task(app, tasks.run_reconcile)
    register_task(app, tasks.run_retention)
