"""The team: accounts, roles and permissions, sign-in, invitations, audit trail."""

from flask import Flask


def register(app: Flask) -> None:
    """Set up sign-in, the pages under /account/, and the emails to members."""
    from petition.delivery.composers import register_composer
    from petition.team import accounts, auth, emails, template_context
    from petition.team.views import audit, invitations, members, profile

    auth.init_app(app)
    template_context.init_app(app)
    for view in (invitations, profile, members, audit):
        app.register_blueprint(view.blueprint)
    register_composer(app, accounts.TEAM_INVITATION, emails.compose_team_invitation)
    register_composer(app, accounts.TEAM_PASSWORD, emails.compose_team_password)
