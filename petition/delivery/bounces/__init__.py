"""Bounces, complaints and unsubscribe requests by email, from a mailbox or a provider's webhook.

A report is parsed, matched with its delivery by a return path that cannot be forged, recorded once, and applied.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the registries of handlers, the webhook and the periodic tasks."""
    from petition.core.celery import register_task
    from petition.delivery.bounces import emails, handlers, tasks, views
    from petition.delivery.composers import register_composer

    handlers.init_app(app)
    app.register_blueprint(views.blueprint)
    register_composer(app, emails.FORWARDED_REPLY_KIND, emails.compose_forwarded_reply, counted=False)
    register_task(app, tasks.run_poll)
    register_task(app, tasks.run_retention)
