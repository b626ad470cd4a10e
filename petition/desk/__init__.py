"""The team's home: what needs doing, totals, the overview of a campaign, and alerts by email."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages and the periodic tasks."""
    from petition.core.celery import register_task
    from petition.delivery.composers import register_composer
    from petition.desk import alerts, emails, tasks
    from petition.desk.views import home, overview

    app.register_blueprint(home.blueprint)
    app.register_blueprint(overview.blueprint)
    register_composer(app, alerts.TEAM_ALERT, emails.compose_team_alert, counted=False)
    register_task(app, tasks.count_opt_ins)
    register_task(app, tasks.check_alerts)
    register_task(app, tasks.run_retention)
