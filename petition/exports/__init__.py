"""Exports: signatures as CSV and XLSX; documents as PDF in `documents/`."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages of exports and documents, and the tasks that make documents."""
    from petition.core.celery import register_task
    from petition.exports import views
    from petition.exports.documents import store, tasks
    from petition.exports.documents import views as document_views

    store.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(document_views.blueprint)
    register_task(app, tasks.make_documents)
    register_task(app, tasks.request_missing_cards)
    register_task(app, tasks.run_retention)
