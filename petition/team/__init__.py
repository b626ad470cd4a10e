"""The team: accounts, roles and permissions, sign-in, invitations, audit trail."""

from flask import Flask


def register(app: Flask) -> None:
    """Set up sign-in, the pages under /account/, and the emails to members."""
    from petition.core.celery import register_task
    from petition.delivery.composers import register_composer
    from petition.team import credentials, emails, links, tasks, template_context
    from petition.team.api_tokens import access
    from petition.team.auth import setup
    from petition.team.views import audit, invitations, members, profile, provider, unsaved

    setup.init_app(app)
    if app.config["PETITION_OIDC_ISSUER"]:
        from petition.team.auth.provider import client

        client.register(app)
    app.add_template_global(provider.provider_label)
    template_context.init_app(app)
    access.init_app(app)
    for view in (invitations, profile, members, audit, unsaved, provider):
        app.register_blueprint(view.blueprint)
    register_composer(app, links.TEAM_INVITATION, emails.compose_team_invitation)
    register_composer(app, links.TEAM_PASSWORD, emails.compose_team_password)
    register_composer(app, credentials.CREDENTIALS_CHANGED, emails.compose_credentials_changed, counted=False)
    register_task(app, tasks.run_link_requests)
    register_task(app, tasks.run_retention)
