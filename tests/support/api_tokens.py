"""Tokens of the API for tests."""

from support.factories import make_account

from petition.core.db import db
from petition.team.api_tokens import tokens
from petition.team.models import TeamRole


def make_token(*scopes, roles=(TeamRole.ADMIN,), petition=None, **overrides):
    """Return a committed token of a new account, and the headers of a request with it."""
    account = make_account(email=overrides.pop("email", "api@example.org"), role_names=list(roles))
    token, secret = tokens.create(account, "A program", list(scopes), petition and petition.id, None)
    for name, value in overrides.items():
        setattr(token, name, value)
    db.session.commit()
    return token, {"Authorization": f"Bearer {secret}"}
