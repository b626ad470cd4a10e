"""Require a token with a scope for a view of the API: `Authorization: Bearer` (RFC 6750)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, g, make_response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from petition.core.i18n import N_
from petition.core.openapi import document_problems
from petition.safeguards.rate_limiter import RateLimitEvent
from petition.safeguards.rate_limits import enforce_limits, parse_limits
from petition.team import audit
from petition.team.api_tokens import tokens
from petition.team.api_tokens.models import ApiToken
from petition.team.api_tokens.scopes import Scope

ACCESS_TOKEN = "token"  # noqa: S105 - the access rule of blueprints whose views each require a scope
SECURITY_SCHEME = "token"
REALM = "petitions"
TOKEN_LIMITS = "300/minute;10000/hour"  # noqa: S105 - requests of one token

View = Callable[..., Any]


class InsufficientScope(Forbidden):
    """A token that does not allow what was asked for; says which scope would."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}.")
        self.scope = scope

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Name the scope, as RFC 6750 section 3.1 has it."""
        challenge = WWWAuthenticate("bearer", {"realm": REALM, "error": "insufficient_scope", "scope": self.scope})
        return [*super().get_headers(*args, **kwargs), ("WWW-Authenticate", challenge.to_header())]


class OtherPetition(Forbidden):
    """A token for one petition that was used on another."""

    description = "This token is for another petition."


class TokenLimitExceeded(TooManyRequests):
    """A token that was used too often."""

    description = "Too many requests with this token. Try again later."


def require_scope(
    blueprint: Any, scope: Scope, *, partners: str | None = None, max_body_bytes: int | None = None
) -> Callable[[View], View]:
    """Return a decorator that lets only a token with a scope use a view, and says so in its description.

    Put it above the others: nothing is read before. 401, the same for a token that is missing, malformed, unknown,
    expired or revoked; 403 names the scope that is missing; 429 with `Retry-After` beyond `TOKEN_LIMITS`.
    `partners`: the role that a partner needs in the token's petition; None: not open to partners. `max_body_bytes`: for
    a view that takes more than the application's maximum.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked_view(*args: Any, **kwargs: Any) -> Any:
            authenticate(scope, partners)
            if max_body_bytes:
                request.max_content_length = max_body_bytes
            response = make_response(view(*args, **kwargs))
            response.headers["Cache-Control"] = "no-store"
            return response

        documented = blueprint.doc(security=[{SECURITY_SCHEME: [scope.value]}])(checked_view)
        return document_problems(blueprint, 401, 403, 429)(documented)

    return decorate


def authenticate(scope: Scope, partners: str | None = None) -> ApiToken:
    """Return the token of the request, its account bound as the actor of the audit trail, or abort.

    `partners`: the role that a partner needs in the token's petition.
    """
    header = request.authorization
    secret = (header.token or "") if header and header.type == "bearer" else ""
    token = tokens.find(secret)
    if token is None:
        challenge = WWWAuthenticate("bearer", {"realm": REALM, "error": "invalid_token"})
        raise Unauthorized("This needs a token that is valid.", www_authenticate=challenge)
    _enforce_limits(token)
    if not tokens.may_use(token, scope, partners):
        raise InsufficientScope(scope)
    tokens.touch(token)
    g.api_token = token
    audit.bind_actor(audit.Actor(token.account_id, f"{token.account.email} (API: {token.name})"))
    return token


def has_token() -> bool:
    """Say whether the request brings a token, valid or not."""
    header = request.authorization
    return bool(header and header.type == "bearer")


def current_token() -> ApiToken:
    """Return the token of a request that was let through."""
    token: ApiToken = g.api_token
    return token


def require_petition(petition_id: int | None) -> None:
    """Abort if the token of the request is for another petition. None: about all petitions."""
    allowed = current_token().petition_id
    if allowed is not None and allowed != petition_id:
        raise OtherPetition


def _enforce_limits(token: ApiToken) -> None:
    """Count the request. Raise `TokenLimitExceeded` beyond a limit; without Redis there is none."""
    try:
        enforce_limits([RateLimitEvent("token", str(token.id), limit) for limit in parse_limits(TOKEN_LIMITS)])
    except TooManyRequests as error:
        raise TokenLimitExceeded(retry_after=error.retry_after) from None


def init_app(app: Flask) -> None:
    """Add the scheme to the description of the API."""
    api = app.extensions["petition.api"]
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "description": N_("A token made at the desk. Each operation names the scope that it needs."),
    }
    api.spec.components.security_scheme(SECURITY_SCHEME, scheme)
