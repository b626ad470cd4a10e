"""The public log of the count: append-only, signed, and checked by anybody (docs/integrity.md)."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the public pages of the log, the signer's receipt and the periodic tasks."""
    from petition.core.celery import register_task
    from petition.count_log import data_copy, tasks
    from petition.count_log.views import log, receipt

    app.register_blueprint(log.blueprint)
    app.register_blueprint(receipt.blueprint)
    data_copy.register(app)
    register_task(app, tasks.append_to_logs)
    register_task(app, tasks.run_timestamps)
