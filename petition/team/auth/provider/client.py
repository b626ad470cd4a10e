"""Talk to the provider: discovery, authorization code with PKCE, state and nonce, and a verified ID token (OIDC Core).

Authlib does the protocol. What is ours: time and size of each answer are bounded, redirects are not followed, the ID
token is signed with an asymmetric algorithm and for this client alone, and a state is used once, within ten minutes.
"""

import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, current_app, session
from joserfc.errors import JoseError
from requests import RequestException, Response
from urllib3.exceptions import HTTPError

from petition.core.circuit_breaker import CircuitBreaker
from petition.team.auth.provider.problems import InvalidAnswer, NotBegunHere, ProviderUnreachable, RefusedByProvider

NAME = "provider"
TIMEOUT_SECONDS = 5.0  # of connecting, of each wait, and of a whole answer
MAX_ANSWER_BYTES = 512 * 1024
METADATA_TTL_SECONDS = 3600.0
STATE_TTL_SECONDS = 600
MAX_STATES = 3  # sign-ins begun in one browser: the session is a cookie of 4 kB
CLOCK_LEEWAY_SECONDS = 60
# Neither `none` nor those that are keyed with what the provider's clients know too (RFC 8725, 3.1 and 3.5).
SIGNING_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# What a malformed answer makes Authlib and joserfc raise.
MALFORMED = (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError, AttributeError, RuntimeError)

log = structlog.get_logger(__name__)
breaker = CircuitBreaker(5.0)


class Answer(NamedTuple):
    """What the provider says of a person, and what was kept in the session when they left for it."""

    claims: dict[str, Any]
    state: dict[str, Any]


class BoundedSession(OAuth2Session):  # type: ignore[misc]
    """Requests to the provider: a whole answer within `TIMEOUT_SECONDS` and `MAX_ANSWER_BYTES`, and no redirect."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """Send a request and read its answer. Raises `RequestException`."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        kwargs.update(timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True)
        response: Response = super().request(method, url, *args, **kwargs)
        response._content = _read(response, deadline)
        return response


def _read(response: Response, deadline: float) -> bytes:
    """Return the body of an answer. Raises `RequestException` if it is too long, or not there in time."""
    body = b""
    try:
        # What has arrived, piece by piece: requests would wait for a block to be full, however slowly that fills.
        while piece := response.raw.read1(8192, decode_content=True):
            body += piece
            if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                raise RequestException("the answer is too long, or too slow")
    except HTTPError as error:
        raise RequestException(type(error).__name__) from None
    finally:
        response.close()
    return body


class SignInStates(FlaskIntegration):  # type: ignore[misc]
    """The sign-ins begun in this browser, in its session: each is finished once."""

    expires_in = STATE_TTL_SECONDS

    def get_state_data(self, session: Any, state: str | None) -> Any:
        """Return what was kept under a state; None if it was used, is too old, or is another browser's."""
        self._clear_session_state(session)
        return super().get_state_data(session, state)

    def set_state_data(self, session: Any, state: str, data: Any) -> None:
        """Keep data under a state, and forget the oldest beyond `MAX_STATES`."""
        self._clear_session_state(session)
        kept = sorted(
            (key for key in session if key.startswith(f"_state_{NAME}_")), key=lambda key: session[key]["exp"]
        )
        for key in kept[: max(0, len(kept) - MAX_STATES + 1)]:
            session.pop(key)
        super().set_state_data(session, state, data)


class ProviderApp(FlaskOAuth2App):  # type: ignore[misc]
    """Authlib's client, with discovery that is checked and read again each hour."""

    client_cls = BoundedSession
    server_metadata: dict[str, Any]

    def load_server_metadata(self) -> dict[str, Any]:
        """Return the provider's configuration (OIDC Discovery 4.3). Raises `RequestException`, `ValueError`."""
        if self.server_metadata.get("_loaded_at", 0) < time.time() - METADATA_TTL_SECONDS:
            self.read_server_metadata()
        return self.server_metadata

    def read_server_metadata(self) -> None:
        """Read the provider's configuration again. Raises `RequestException`, `ValueError`."""
        with self._get_session() as client:
            response = client.request("GET", self._server_metadata_url, withhold_token=True)
            response.raise_for_status()
            self.server_metadata = _check_metadata(response.json())


def _check_metadata(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is used of a provider's configuration. Raises `ValueError` if it is another's, or cannot be used."""
    issuer = current_app.config["PETITION_OIDC_ISSUER"]
    if found["issuer"] != issuer:
        raise ValueError("the issuer in the provider's configuration is not PETITION_OIDC_ISSUER")
    kept: dict[str, Any] = {"issuer": issuer, "_loaded_at": time.time()}
    for name in (*ENDPOINTS, "userinfo_endpoint"):
        url = found.get(name)
        if url is None and name not in ENDPOINTS:
            continue
        if not isinstance(url, str) or urlsplit(url).scheme not in ("https", urlsplit(issuer).scheme):
            raise ValueError(f"{name} in the provider's configuration is missing, or is not https")
        kept[name] = url
    offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
    kept["id_token_signing_alg_values_supported"] = [name for name in SIGNING_ALGORITHMS if name in offered]
    if not kept["id_token_signing_alg_values_supported"]:
        raise ValueError("the provider signs with no algorithm that is accepted")
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if "client_secret_basic" not in methods and "client_secret_post" in methods:
        kept["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105 - a method
    return kept


def register(app: Flask) -> None:
    """Register the client of the provider that the settings name."""
    oauth = OAuth()
    oauth.oauth2_client_cls, oauth.framework_integration_cls = ProviderApp, SignInStates
    oauth.init_app(app)
    issuer = app.config["PETITION_OIDC_ISSUER"]
    oauth.register(
        NAME,
        client_id=app.config["PETITION_OIDC_CLIENT_ID"],
        client_secret=app.config["PETITION_OIDC_CLIENT_SECRET"],
        server_metadata_url=issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )
    app.extensions["petition.sign_in_provider"] = oauth


def _client() -> ProviderApp:
    client: ProviderApp = current_app.extensions["petition.sign_in_provider"].create_client(NAME)
    return client


def _redirect_uri() -> str:
    return f"{current_app.config['PUBLIC_URL']}/account/provider/callback"


def find_trouble() -> str:
    """Read the provider's configuration again, and return why it cannot be used; "" if it can."""
    try:
        _client().read_server_metadata()
    except RequestException as error:
        return f"it does not answer ({type(error).__name__})"
    except MALFORMED as error:
        return _describe(error)
    return ""


def begin(next_url: str, *, account_id: int | None = None, ask_again: bool = False) -> str:
    """Keep in the session what finishes a sign-in, and return the provider's address, with which the browser leaves.

    `account_id`: of who is signed in, and has to show once more that it is them: the provider has to ask
    (`max_age=0`). `ask_again`: so it does for who has signed out. Raises `ProviderUnreachable`.
    """
    parameters: dict[str, Any] = {"prompt": "login"} if ask_again or account_id else {}
    if account_id:
        parameters["max_age"] = 0
    if breaker.is_open():
        raise ProviderUnreachable
    client, uri = _client(), _redirect_uri()
    try:
        made = client.create_authorization_url(uri, **parameters)
    except RequestException as error:
        raise _unreachable(error) from None
    except MALFORMED as error:
        log.error("sign-in provider cannot be used", error=_describe(error))
        raise ProviderUnreachable from None
    client.save_authorize_data(
        redirect_uri=uri, next=next_url, account_id=account_id, begun_at=int(time.time()), **made
    )
    url: str = made["url"]
    return url


def finish(state: str, *, error: str = "", issuer: str = "") -> Answer:
    """Use up a state of this browser, redeem the request's code, and return what the verified ID token says.

    `error`, `issuer`: what the provider's redirect says. Raises `NotBegunHere`, `RefusedByProvider`, `InvalidAnswer`,
    `ProviderUnreachable`.
    """
    client = _client()
    kept = client.framework.get_state_data(session, state)
    if kept is None:
        raise NotBegunHere
    if error or issuer not in ("", current_app.config["PETITION_OIDC_ISSUER"]):  # RFC 9207
        client.framework.clear_state_data(session, state)
        raise RefusedByProvider if error else InvalidAnswer
    if breaker.is_open():
        raise ProviderUnreachable
    try:
        token = client.authorize_access_token(claims_options=_claims_options(), leeway=CLOCK_LEEWAY_SECONDS)
        claims = dict(token["userinfo"])
        return Answer(_add_userinfo(client, token, claims), kept)
    except RequestException as error_:
        raise _unreachable(error_) from None
    except MALFORMED as error_:
        log.warning("answer of the sign-in provider refused", error=_describe(error_))
        raise InvalidAnswer from None


def _claims_options() -> dict[str, Any]:
    """Return what an ID token has to say: Authlib compares `aud` only if asked to."""
    config = current_app.config
    return {
        "iss": {"essential": True, "value": config["PETITION_OIDC_ISSUER"]},
        "aud": {"essential": True, "value": config["PETITION_OIDC_CLIENT_ID"]},
        "sub": {"essential": True},
    }


def _add_userinfo(client: ProviderApp, token: Any, claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims with those that the provider keeps for its userinfo endpoint, if it is the same person's."""
    config = current_app.config
    needed = [
        "email",
        config["PETITION_OIDC_ROLE_CLAIM"].partition(".")[0] if config["PETITION_OIDC_ROLES"] else "email",
    ]
    needed += [config["PETITION_OIDC_REQUIRED_CLAIM"][0]] if config["PETITION_OIDC_REQUIRED_CLAIM"] else []
    if all(name in claims for name in needed) or "userinfo_endpoint" not in client.server_metadata:
        return claims
    found = client.userinfo(token=token)
    if found["sub"] != claims["sub"]:  # OIDC Core 5.3.2
        raise ValueError("the userinfo endpoint speaks of another person")
    return {**found, **claims}


def _unreachable(error: RequestException) -> ProviderUnreachable:
    breaker.trip()
    log.warning("sign-in provider cannot be reached", error=type(error).__name__)
    return ProviderUnreachable()


def _describe(error: Exception) -> str:
    """Return what is wrong without what the provider wrote, which may be personal."""
    ours = isinstance(error, ValueError) and type(error) is ValueError
    return str(error) if ours else f"{type(error).__name__} {getattr(error, 'claim', '')}".strip()
