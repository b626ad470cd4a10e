"""The form of a petition that is attacked asks for a proof of work; no other form has a script."""

import base64
import json
import re
from datetime import timedelta

import altcha
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.factories import make_form, make_petition
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.signatures.abuse import challenges
from petition.signatures.abuse.challenges import delete_expired_challenges, make_challenge, use_solution
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.models import Signature
from petition.signatures.request_models import UsedChallenge

API = "/api/v1/petitions/jardin"


@pytest.fixture
def petition(app):
    return make_petition(challenge="on")


def solve(challenge):
    """Return the solution of a challenge as the browser sends it."""
    found = altcha.Challenge.from_dict(challenge)
    return altcha.Payload(found, altcha.solve_challenge(found)).to_base64()


@pytest.fixture(autouse=True)
def _light_challenges(monkeypatch):
    monkeypatch.setattr(challenges, "KEY_ITERATIONS", 10)


def sign(client, path="/p/jardin/sign?lang=en", network="203.0.113.9", **fields):
    return client.post(path, data=make_form(**fields), headers={"X-Forwarded-For": network})


def count_signatures():
    process_requests()
    return db.session.query(Signature).count()


@pytest.mark.parametrize("path", ["/p/jardin/sign?lang=en", "/p/jardin/embed?lang=en"])
def test_the_form_counts_with_a_solution_alone(client, petition, path):
    refused = sign(client, path, city="Lyon")
    assert refused.status_code == 422
    assert "short calculation" in refused.text
    assert 'value="Lyon"' in refused.text, "nothing typed is lost"
    assert count_signatures() == 0
    solution = solve(client.get(f"{API}/challenge").json)
    assert sign(client, path, altcha=solution).status_code == 303
    assert count_signatures() == 1


def test_a_solution_is_used_once(client, petition):
    solution = solve(client.get(f"{API}/challenge").json)
    assert sign(client, altcha=solution).status_code == 303
    assert sign(client, altcha=solution, email="eva@example.org").status_code == 422
    assert count_signatures() == 1


def test_a_form_with_another_mistake_leaves_its_solution_unused(client, petition):
    solution = solve(client.get(f"{API}/challenge").json)
    assert sign(client, altcha=solution, name="").status_code == 422
    assert sign(client, altcha=solution).status_code == 303


def test_a_solution_expires_and_is_of_one_petition(client, petition, monkeypatch):
    other = make_petition(slug="autre", challenge="on")
    assert not use_solution(petition.id, solve(make_challenge(other.id)))
    monkeypatch.setattr(challenges, "CHALLENGE_TTL", timedelta(seconds=-2))
    assert not use_solution(petition.id, solve(make_challenge(petition.id)))


def test_a_solution_outlives_a_change_of_the_secret_key(app, petition, monkeypatch):
    solution = solve(make_challenge(petition.id))
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key, of thirty-two bytes or more")
    assert use_solution(petition.id, solution)


def change(payload, path, value):
    changed = json.loads(json.dumps(payload))
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return base64.b64encode(json.dumps(changed).encode()).decode()


def test_whatever_is_changed_in_a_solution_makes_it_wrong(client, petition):
    solution = solve(make_challenge(petition.id))
    payload = json.loads(base64.b64decode(solution))
    parameters = ("challenge", "parameters")
    changes = [
        ((*parameters, "expiresAt"), 4_000_000_000),
        ((*parameters, "cost"), 1),
        ((*parameters, "nonce"), "00" * 16),
        ((*parameters, "keySignature"), None),
        ((*parameters, "data"), {"petition": 0}),
        ((*parameters, "data"), []),
        (("challenge", "signature"), "00" * 32),
        (("solution", "derivedKey"), "00" * 32),
        (("solution", "derivedKey"), None),
        (("solution",), []),
        (("challenge",), "x"),
    ]
    for path, value in changes:
        assert not use_solution(petition.id, change(payload, path, value)), path
    assert use_solution(petition.id, solution), "and was not used up"


@settings(max_examples=200)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()) | st.none())
def test_any_text_is_no_solution(app, text):
    assert not use_solution(1, text)


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["challenge", "solution", "parameters", "nonce", "data", "counter"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_no_solution(app, value):
    assert not use_solution(1, base64.b64encode(json.dumps(value).encode()).decode())


def test_without_scripts_a_few_of_a_network_sign_by_the_email_alone(client, petition):
    page = client.get("/p/jardin?lang=en").text
    assert '<input type="hidden" name="unchecked" value="1">' in page, "which the script takes away"
    for number in range(10):
        answer = sign(client, unchecked="1", email=f"a{number}@example.org", show_address="1")
        assert answer.status_code == 303
    assert 'name="code"' in client.get(answer.headers["Location"]).text, "the code of the email is asked for"
    refused = sign(client, unchecked="1", city="Lyon")
    assert refused.status_code == 429
    assert "from your network" in refused.text
    assert 'value="Lyon"' in refused.text
    assert sign(client, unchecked="1", network="198.51.100.7").status_code == 303
    assert sign(client, altcha=solve(make_challenge(petition.id))).status_code == 303, (
        "with a solution, as many as ever"
    )


def test_the_api_says_that_it_needs_a_proof_and_where_to_begin(client, petition):
    refused = client.post(f"{API}/signatures", json=make_form())
    assert refused.status_code == 422
    assert refused.json["type"] == "/api/v1/docs#challenge-required"
    assert list(refused.json["errors"]) == ["altcha"]
    path = refused.json["challenge"].removeprefix(client.application.config["PUBLIC_URL"])
    challenge = client.get(path)
    assert challenge.headers["Cache-Control"] == "no-store"
    solution = solve(challenge.json)
    assert client.post(f"{API}/signatures", json=make_form(altcha=solution)).status_code == 202
    assert client.post(f"{API}/signatures", json=make_form(altcha=solution)).status_code == 422, "used"


def test_a_challenge_has_nothing_of_who_asks(client, petition):
    given = [client.get(f"{API}/challenge", headers={"X-Forwarded-For": f"203.0.113.{n}"}).json for n in (1, 2)]
    for challenge in given:
        assert challenge["parameters"]["data"] == {"petition": petition.id}
        assert set(challenge) == {"parameters", "signature"}
    assert {name for name, value in given[0]["parameters"].items() if given[1]["parameters"][name] != value} <= {
        "nonce", "salt", "keyPrefix", "keySignature", "expiresAt",
    }  # fmt: skip


def test_used_challenges_are_forgotten_once_they_have_expired(app, petition):
    assert use_solution(petition.id, solve(make_challenge(petition.id)))
    delete_expired_challenges()
    assert db.session.query(UsedChallenge).count() == 1
    db.session.query(UsedChallenge).update({"expires_at": clock.now() - timedelta(seconds=1)})
    delete_expired_challenges()
    assert db.session.query(UsedChallenge).count() == 0


def test_the_page_runs_the_script_only_while_a_proof_is_asked_for(client, app, petition):
    for path in ("/p/jardin", "/p/jardin/embed"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "data-challenge" in answer.text
        assert "worker-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        scripts = re.search(r"script-src ([^;]+)", policy)[1].split()
        assert all(source.startswith("'sha256-") for source in scripts), "our own, by their hashes"


@pytest.mark.parametrize("policy", ["off", "automatic"])
def test_otherwise_no_script_is_on_the_signers_way(client, policy):
    make_petition(challenge=policy)
    answers = [client.get("/p/jardin"), sign(client, name="")]
    assert sign(client, show_address="1").status_code == 303
    process_requests()
    signature = db.session.query(Signature).one()
    token = make_confirm_token(signature)
    answers += [client.get("/p/jardin/check-your-email"), client.get(f"/c/{token}")]
    answers.append(client.get(f"/me/{make_personal_token(signature)}"))
    for answer in answers:
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert set(scripts) <= {'<script type="application/ld+json">'}, answer.request.path
        assert "script-src" not in answer.headers.get("Content-Security-Policy", "")
        assert "altcha" not in answer.text
