"""What the provider's protocol can go wrong with: nobody is signed in, and a page says so."""

import time
from contextlib import suppress

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from support.factories import make_account
from support.oidc_provider import CLIENT_SECRET, query_of, unsigned
from support.provider_sign_in import CALLBACK, authorize, come_back, leave, shown, sign_in_by

from petition.team.auth.provider import client as provider_client

UNVERIFIED = "The answer of Orga could not be verified"
SILENT = "Orga does not answer at the moment"
BEGUN_ELSEWHERE = "This sign-in was begun in another browser"


@pytest.fixture
def account(app):
    return make_account(language="en")


def is_signed_in(client):
    return client.get("/account/").status_code == 200


def test_request_has_state_nonce_and_challenge(client, provider, account):
    assert sign_in_by(client, provider).status_code == 303
    assert is_signed_in(client)
    asked = provider.authorizations[0]
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 20
    assert asked["redirect_uri"] == f"http://localhost{CALLBACK}"
    assert "prompt" not in asked


def hour_ago():
    return int(time.time()) - 3600


WRONG_CLAIMS = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another"},
    "another audience, for us": {"aud": "another", "azp": "petition"},
    "two audiences and another party": {"aud": ["petition", "another"], "azp": "another"},
    "another issuer": {"iss": "https://issuer.example"},
    "expired": {"exp": hour_ago()},
    "no expiry": {"exp": None},
    "issued tomorrow": {"iat": int(time.time()) + 86400},
    "no subject": {"sub": None},
    "subject is a number": {"sub": 42},
    "subject is too long": {"sub": "x" * 256},
    "hash of another access token": {"at_hash": "another"},
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_token_that_is_not_for_this_sign_in(client, provider, account, name):
    provider.changed = WRONG_CLAIMS[name]
    answer = sign_in_by(client, provider)
    assert UNVERIFIED in shown(client, answer)
    assert not is_signed_in(client)


def other_key(claims):
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, RSAKey.generate_key(2048))


def with_secret(claims):
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET), algorithms=["HS256"])


@pytest.mark.parametrize(
    "make_token",
    [unsigned, lambda claims: unsigned(claims, kid="first"), other_key, with_secret, lambda _: "x", lambda _: "a.b.c"],
    ids=["unsigned", "unsigned with a key", "signed by another key", "keyed with the secret", "text", "no token"],
)
def test_token_that_the_provider_did_not_sign(client, provider, account, make_token):
    provider.make_token = make_token
    answer = sign_in_by(client, provider)
    assert UNVERIFIED in shown(client, answer)
    assert not is_signed_in(client)


def test_state_is_used_once_and_in_its_browser(app, client, provider, account):
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    back = authorize(leave(client))
    stranger = app.test_client()
    stranger.get("/account/sign-in")
    assert BEGUN_ELSEWHERE in shown(stranger, come_back(stranger, back))
    assert not is_signed_in(stranger)
    assert come_back(client, back).status_code == 303
    assert is_signed_in(client)
    again = app.test_client()
    leave(again)
    assert BEGUN_ELSEWHERE in shown(again, come_back(again, back))
    assert BEGUN_ELSEWHERE in shown(again, come_back(again, f"{CALLBACK}?code=x"))


def test_replayed_in_the_same_browser(client, provider, account):
    provider.changed = {"nonce": "another"}
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    back = authorize(leave(client))
    come_back(client, back)
    provider.changed = {}
    assert BEGUN_ELSEWHERE in shown(client, come_back(client, back))


def test_state_is_too_old(client, provider, account, monkeypatch):
    back = authorize(leave(client))
    later = time.time() + provider_client.STATE_TTL_SECONDS + 1
    monkeypatch.setattr("authlib.integrations.base_client.framework_integration.time.time", lambda: later)
    assert BEGUN_ELSEWHERE in shown(client, come_back(client, back))


def test_sign_ins_begun_and_left_do_not_fill_the_cookie(client, provider, account):
    pages = [leave(client) for _ in range(8)]
    with client.session_transaction("/account/") as session:
        assert sum(key.startswith("_state_") for key in session) == provider_client.MAX_STATES
    assert all(len(page.headers["Set-Cookie"]) < 3500 for page in pages)
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    come_back(client, authorize(pages[-1]))
    assert is_signed_in(client)


def test_code_of_another_sign_in_is_refused(client, provider, account):
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    first, second = (query_of(authorize(leave(client))) for _ in range(2))
    answer = come_back(client, f"{CALLBACK}?code={first['code']}&state={second['state']}")
    assert UNVERIFIED in shown(client, answer)


def test_answer_that_names_another_issuer(client, provider, account):
    back = authorize(leave(client)).replace("iss=http", "iss=https")
    assert UNVERIFIED in shown(client, come_back(client, back))


def test_refused_or_cancelled_at_the_provider(client, provider, account):
    state = query_of(authorize(leave(client)))["state"]
    back = f"{CALLBACK}?error=access_denied&error_description=%3Cb%3E&state={state}"
    assert "Orga did not sign you in" in shown(client, come_back(client, back))
    assert "/token" not in provider.asked


def test_coming_back_changes_nothing_until_the_button(client, provider, account):
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    back = authorize(leave(client))
    for _ in range(2):
        assert client.get(back).status_code == 200
        assert client.head(back).status_code == 200
    assert "/token" not in provider.asked
    assert not is_signed_in(client)
    come_back(client, back)
    assert is_signed_in(client)


def test_keys_are_renewed(app, client, provider, account):
    sign_in_by(client, provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    provider.published = [provider.key]
    other = app.test_client()
    sign_in_by(other, provider)
    assert is_signed_in(other)
    assert provider.asked.count("/jwks") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def hang(provider):
    return lambda _handler: provider.released.wait(30)


def drip(provider):
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            while not provider.released.wait(0.1):
                handler.wfile.write(b" ")
                handler.wfile.flush()

    return answer


def fail(_provider):
    def answer(handler):
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def redirect(provider):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", f"{provider.issuer}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def close(_provider):
    return lambda handler: handler.close_connection


def pour(_provider):
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            for _ in range(200):
                handler.wfile.write(b"[" * 8192)

    return answer


@pytest.mark.parametrize("breaks", [hang, drip, fail, redirect, close, pour])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_provider_out_of_order(client, provider, become_impatient, account, path, breaks):
    provider.break_at[path] = breaks(provider)
    provider.person = {"sub": "42", "email": account.email, "email_verified": True}
    if path == "/.well-known/openid-configuration":
        become_impatient()
        answer = leave(client)
    else:
        address = authorize(leave(client))
        become_impatient()
        answer = come_back(client, address)
    message = shown(client, answer)
    assert SILENT in message or UNVERIFIED in message
    assert not is_signed_in(client)
    assert "/elsewhere" not in provider.asked


def test_provider_is_left_alone_after_it_did_not_answer(client, provider, become_impatient, account, monkeypatch):
    monkeypatch.setattr(provider_client.breaker, "open_seconds", 3600.0)
    become_impatient()
    path = "/.well-known/openid-configuration"
    provider.break_at[path] = hang(provider)
    for _ in range(3):
        assert SILENT in shown(client, leave(client))
    assert provider.asked == [path]
    assert 'name="password"' in client.get("/account/sign-in").text


def test_no_provider_listens(client, provider, account):
    provider.close()
    assert SILENT in shown(client, leave(client))


WRONG_METADATA = [
    {"issuer": "https://issuer.example"},
    {"issuer": None},
    {"token_endpoint": None},
    {"token_endpoint": 7},
    {"jwks_uri": "file:///etc/passwd"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"id_token_signing_alg_values_supported": ["none", "HS256"]},
]


@pytest.mark.parametrize("changed", WRONG_METADATA, ids=str)
def test_configuration_that_cannot_be_used(client, provider, account, changed):
    provider.metadata = changed
    assert SILENT in shown(client, leave(client))


def test_userinfo_of_another_person_is_not_believed(client, provider, account):
    provider.person = {"sub": "42"}
    provider.in_userinfo = {"sub": "43", "email": account.email, "email_verified": True}
    assert UNVERIFIED in shown(client, come_back(client, authorize(leave(client))))
    provider.in_userinfo["sub"] = "42"
    come_back(client, authorize(leave(client)))
    assert is_signed_in(client)


@pytest.mark.parametrize("next_url", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x"])
def test_leads_to_this_site_only(client, provider, account, next_url):
    answer = sign_in_by(client, provider, next_url)
    assert answer.headers["Location"] == "/desk/"


def test_leads_on_to_the_page_that_was_asked_for(client, provider, account):
    assert sign_in_by(client, provider, "/account/audit").headers["Location"] == "/account/audit"


def test_is_limited_per_network(client, provider, account):
    answers = [leave(client).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]


def test_form_of_another_site_is_refused(client, provider, account):
    assert client.post("/account/provider/start").status_code == 400
    assert client.post(CALLBACK, data={"code": "x", "state": "y"}).status_code == 400


def test_without_a_provider_there_is_none(client, app):
    assert "provider/start" not in client.get("/account/sign-in").text
    assert client.get(CALLBACK).status_code == 404


def test_trouble_of_the_provider_is_found_without_a_sign_in(provider):
    assert provider_client.find_trouble() == ""
    provider.metadata = {"issuer": "https://another.example"}
    assert "issuer" in provider_client.find_trouble()
    provider.close()
    assert "does not answer" in provider_client.find_trouble()
