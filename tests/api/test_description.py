"""The API keeps to its own description, whatever it is sent (schemathesis), and never answers 5xx."""

import os
from collections import Counter
from itertools import count

import pytest
import schemathesis
from conftest import environment
from factories import make_petition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import select

from config import Config
from petition import create_app
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.signatures.links import confirm_token
from petition.signatures.models import Signature


@pytest.fixture(scope="session")
def schema(database_url, redis_url):
    app = create_app(Config(environment(database_url, redis_url, PETITION_SIGN_LIMIT="1000000/minute")))
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


OPERATIONS = [
    ("GET", "/api/v1/petitions"),
    ("GET", "/api/v1/petitions/{slug}"),
    ("GET", "/api/v1/petitions/{slug}/count"),
    ("GET", "/api/v1/petitions/{slug}/signatories"),
    ("POST", "/api/v1/petitions/{slug}/signatures"),
    ("POST", "/api/v1/confirmations"),
]


NETWORKS = count(1)
# By chance where more are asked for; else the same each time.
EXAMPLES, SAME = int(os.environ.get("API_EXAMPLES", "60")), "API_EXAMPLES" not in os.environ
MODES = [(*operation, mode) for operation in OPERATIONS for mode in GenerationMode]
MODES.remove(
    (*OPERATIONS[2], GenerationMode.NEGATIVE)
)  # any text may be asked for as a slug: nothing is negative there


@pytest.mark.parametrize(("method", "path", "mode"), MODES)
def test_the_api_keeps_to_its_description(app, schema, method, path, mode):
    make_petition()
    operation = schema[path][method]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def check(case, known):
        if known and "slug" in (case.path_parameters or {}):
            case.path_parameters["slug"] = "jardin"
        # Which names and addresses are sound is more than a schema can say; every other rule of the API is in it.
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if path.endswith("signatures") else [])

    check()


def test_the_description_has_every_operation(client):
    paths = client.get("/api/v1/openapi.json").json["paths"]
    described = {
        (method.upper(), path) for path, methods in paths.items() for method in methods if method != "parameters"
    }
    assert described == set(OPERATIONS)


def test_errors_are_problem_documents(client):
    for answer in (
        client.get("/api/v1/petitions/none"),
        client.get("/api/v1/nothing"),
        client.post("/api/v1/petitions"),
        client.post("/api/v1/confirmations", data="{", content_type="application/json"),
        client.post("/api/v1/confirmations", json={}),
    ):
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == answer.status_code < 500


def newest_token():
    """Return the token of the link to the newest signature, if there is one."""
    newest = db.session.scalar(select(Signature).order_by(Signature.id.desc()).limit(1))
    db.session.rollback()
    return confirm_token(newest) if newest else None


def test_steps_that_follow_one_another_keep_to_it_too(app, schema):
    make_petition()
    accepted = Counter()

    class Steps(schema.as_state_machine()):
        """Signs and then confirms with the token that was mailed; reads what the list of petitions leads to."""

        def setup(self):
            db.session.query(Delivery).delete()
            db.session.query(Signature).delete()
            db.session.commit()

        def before_call(self, case):
            number = next(NETWORKS)
            case.headers = {**(case.headers or {}), "X-Forwarded-For": f"203.{number // 250 % 250}.{number % 250}.1"}
            if isinstance(case.body, dict) and ("token" in case.body or len(case.body) % 2):
                sound = {"name": "Zoé Martin", "email": "zoe@example.org", "token": newest_token()}
                case.body = {name: sound[name] or value for name, value in case.body.items() if name in sound}

        def validate_response(self, response, case, **kwargs):
            excluded = [positive_data_acceptance] if case.method == "POST" else []
            case.validate_response(response, excluded_checks=excluded)
            accepted[case.path] += response.status_code < 400

    Steps.run(settings=settings(Steps.TestCase.settings, max_examples=EXAMPLES, derandomize=SAME, database=None))
    assert {path for path, times in accepted.items() if times} == {path for _, path in OPERATIONS}
