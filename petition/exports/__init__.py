"""Exports: signatures as CSV."""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the export pages of the desk."""
    from petition.exports import views

    app.register_blueprint(views.blueprint)
