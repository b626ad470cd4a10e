"""Retention: what is kept for how long, and what performs it; the anonymisation of a petition's signatures.

`rules` is the one table of what is kept. `schedule` says when a petition's signatures are anonymised, `anonymise` does
it.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages of the desk, the announcement and the periodic tasks."""
    from petition.backups.replay import register_replay
    from petition.core.celery import register_task
    from petition.core.openapi import register_blueprint
    from petition.delivery.composers import register_composer
    from petition.retention import api, emails, journal_replay, tasks
    from petition.retention.views import desk, postponement
    from petition.team.template_context import register_navigation_count

    for view in (desk, postponement):
        app.register_blueprint(view.blueprint)
    register_blueprint(app, api.blueprint)
    register_composer(app, emails.RETENTION_ANNOUNCED, emails.compose_retention_announced, counted=False)
    register_navigation_count(app, "data_kept.index", desk.navigation_count)
    register_replay(app, journal_replay.replay_entries, journal_replay.finish)
    register_task(app, tasks.run_anonymisation)
    register_task(app, tasks.run_folding)
