"""Signing in to the team's pages as a person does: password, authenticator, codes."""

import re
import time
from typing import Any

from flask.testing import FlaskClient
from passlib.totp import TOTP

PASSWORD = "four words are enough"
NETWORK = "192.0.2.7"


def csrf_token(page: Any) -> str:
    """Return the CSRF token of a page's form."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[1]


def submit(client: FlaskClient, path: str, *, network: str = NETWORK, **fields: Any) -> Any:
    """Submit the form of a page, from an address."""
    headers = {"X-Forwarded-For": network}
    token = csrf_token(client.get(path, headers=headers))
    return client.post(path, data={"csrf_token": token, **fields}, headers=headers)


def give_password(client: FlaskClient, email: str = "alix@example.org", password: str = PASSWORD, **fields: Any) -> Any:
    """Submit the sign-in form."""
    return submit(client, "/account/sign-in", email=email, password=password, **fields)


def set_up_authenticator(client: FlaskClient, network: str = NETWORK) -> TOTP:
    """Set up an authenticator app, at the first sign-in or later, and return it."""
    page = submit(client, "/account/two-factor", network=network, setup="authenticator")
    app = TOTP(key=re.search(r'id="authenticator-key">([^<]+)<', page.text)[1].replace("-", ""))
    action = re.findall(r'action="(/account/(?:code|two-factor/[^"]+))"', page.text)[0]
    data = {"csrf_token": csrf_token(page), "code": app.generate().token}
    answer = client.post(action, data=data, headers={"X-Forwarded-For": network})
    assert answer.status_code == 302, answer.text
    return app


def next_code(app: TOTP) -> str:
    """Return the code of the next time step: each is accepted once."""
    return app.generate(time.time() + 30).token


def sign_in_fully(client: FlaskClient, email: str = "alix@example.org", network: str = NETWORK) -> TOTP:
    """Sign in to an account with a password and no second factor yet, which sets one up; return it."""
    give_password(client, email, network=network)
    return set_up_authenticator(client, network)
