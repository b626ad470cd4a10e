"""Other programs: tokens of the API at the desk, what they allow beyond the public API, and webhooks."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages, the API of tokens and what the emails and tasks of webhooks need."""
    from petition.core.openapi import register_blueprint
    from petition.integrations.api import statistics
    from petition.integrations.views import tokens
    from petition.team.api_tokens.scopes import describe_scopes

    app.register_blueprint(tokens.blueprint)
    app.add_template_filter(describe_scopes, "scopes")
    for module in (statistics,):
        register_blueprint(app, module.blueprint)
