"""Petitions and open letters: editing, lifecycle, counters, statistics and paper signatures."""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the public pages, the API, the team's pages and the periodic tasks."""
    from petition.core import openapi
    from petition.core.celery import register_task
    from petition.petitions import api, labels, tasks
    from petition.petitions.paper import bulk
    from petition.petitions.partners import access
    from petition.petitions.views import (
        desk,
        desk_legal,
        embedding,
        images,
        legal,
        lifecycle,
        own_partnerships,
        paper,
        paper_sheets,
        partners,
        partnerships,
        public,
        public_statistics,
        sitemap,
        statistics,
        timeline,
        updates,
    )
    from petition.team.audit_sentences import register_field_labels
    from petition.team.permissions import register_partner_check, register_partner_grants

    openapi.register_blueprint(app, api.blueprint)
    public_views = (public, embedding, sitemap, timeline, public_statistics, legal)
    for view in (*public_views, desk, desk_legal, lifecycle, statistics, paper, paper_sheets, images, updates):
        app.register_blueprint(view.blueprint)
    for view in (partners, partnerships, own_partnerships):
        app.register_blueprint(view.blueprint)
    register_partner_check(app, access.may_visit)
    register_partner_grants(app, access.list_grants)
    access.register_subject(app, "slug", access.find_petition_by_slug)
    register_field_labels(app, "petition", labels.field_label)
    register_task(app, tasks.roll_up_statistics)
    register_task(app, tasks.read_paper_files)
    register_task(app, tasks.delete_stale_paper_drafts)
    bulk.register_handlers(app)
