"""Sign in by a provider as a browser does: start, the provider's page, back, the button that a script presses."""

import re
from html import unescape
from typing import Any

import requests
from flask.testing import FlaskClient
from support.oidc_provider import OidcProvider
from support.team_sign_in import NETWORK, csrf_token

HEADERS = {"X-Forwarded-For": NETWORK, "Accept-Language": "en"}
CALLBACK = "/account/provider/callback"


def leave(client: FlaskClient, next_url: str = "", page: str = "/account/sign-in") -> Any:
    """Press the provider's button on a page, and return the answer."""
    token = csrf_token(client.get(page, headers=HEADERS))
    path = "/account/provider/start" + (f"?next={next_url}" if next_url else "")
    return client.post(path, data={"csrf_token": token}, headers=HEADERS)


def authorize(answer: Any) -> str:
    """Follow a page to the provider, and return where it sends the browser back to, without the site."""
    url = unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)[1])
    back = requests.get(url, allow_redirects=False, timeout=60).headers["Location"]
    return back.removeprefix("http://localhost")


def come_back(client: FlaskClient, back: str) -> Any:
    """Open the page at which the provider sends the browser back, press its button, and return the answer."""
    page = client.get(back, headers=HEADERS)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    return client.post(CALLBACK, data={name: unescape(value) for name, value in fields.items()}, headers=HEADERS)


def sign_in_by(client: FlaskClient, provider: OidcProvider, next_url: str = "", **person: Any) -> Any:
    """Sign in as a person at the provider, and return the last answer."""
    provider.person = {"sub": "42", "email": "alix@example.org", "email_verified": True, **person}
    return come_back(client, authorize(leave(client, next_url)))


def shown(client: FlaskClient, answer: Any) -> str:
    """Return the message on the page that an answer leads to."""
    assert answer.status_code == 303, answer.status_code
    page = client.get(answer.headers["Location"], headers=HEADERS)
    return " ".join(unescape(re.search(r'class="alert alert-danger" role="status">([^<]+)<', page.text)[1]).split())
