"""Liveness, readiness, and the check of the database at the start of a process."""

import pytest
from conftest import environment

from config import Config
from petition.app import create_app
from petition.core.health import DatabaseUnreachable, require_database


def test_healthz_and_readyz_answer(client):
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["parts"]["database"] == answer.json["parts"]["redis"] == "ok"


def test_unreachable_database_is_named_in_one_line_without_its_password(redis_url):
    app = create_app(Config(environment("postgresql://somebody:s3cret@127.0.0.1:1/petition", redis_url)))
    with pytest.raises(DatabaseUnreachable) as raised:
        require_database(app)
    line = str(raised.value)
    assert line.startswith("DATABASE_URL: ")
    assert "\n" not in line
    assert "s3cret" not in line


def test_unreachable_database_makes_the_process_unready(redis_url):
    app = create_app(Config(environment("postgresql://somebody:s3cret@127.0.0.1:1/petition", redis_url)))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "s3cret" not in answer.text
    assert app.test_client().get("/healthz").status_code == 200
