"""Exports: signatures as CSV and XLSX."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the export pages of the desk."""
    from petition.exports import views

    app.register_blueprint(views.blueprint)
