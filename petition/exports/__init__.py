"""Exports: signatures as CSV and XLSX; documents as PDF in `documents/`."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages of exports and documents, and the tasks that make documents."""
    from petition.core.celery import register_task
    from petition.exports.documents import store, tasks
    from petition.exports.views import desk_documents, documents, export

    store.init_app(app)
    for view in (export, documents, desk_documents):
        app.register_blueprint(view.blueprint)
    register_task(app, tasks.make_documents)
    register_task(app, tasks.make_dossiers)
    register_task(app, tasks.request_missing_cards)
    register_task(app, tasks.run_retention)
