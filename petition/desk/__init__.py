"""The team's home: what needs doing, totals, the overview of a campaign, and alerts by email."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages and the periodic tasks."""
    from petition.core.celery import register_task
    from petition.desk import tasks
    from petition.desk.views import home, overview

    app.register_blueprint(home.blueprint)
    app.register_blueprint(overview.blueprint)
    register_task(app, tasks.count_opt_ins)
