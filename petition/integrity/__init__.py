"""Integrity of the count: signals of forgery, clusters that are quarantined, and the team's page about them."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the team's page and the periodic tasks."""
    from petition.core.celery import register_task
    from petition.integrity import tasks
    from petition.integrity.views import desk

    app.register_blueprint(desk.blueprint)
    register_task(app, tasks.run_detection)
    register_task(app, tasks.run_look_up)
    register_task(app, tasks.run_retention)
