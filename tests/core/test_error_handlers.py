"""Domain exceptions that no view catches, as pages and as problem documents."""

import pytest
from psycopg import OperationalError
from sqlalchemy import event
from support.factories import sign_in

from petition.core.db import db
from petition.core.exceptions import Conflict, DomainError, InvalidLink, InvalidTransition, NotFound, ValidationError
from petition.core.optimistic_lock import EditConflict

STATUSES = [
    (NotFound, 404),
    (InvalidLink, 404),
    (Conflict, 409),
    (InvalidTransition, 409),
    (EditConflict, 409),
    (ValidationError, 422),
    (DomainError, 422),
]


@pytest.fixture
def fail_with(app, monkeypatch):
    """Return a function that makes a page and an API operation raise an exception."""

    def set_(error):
        def view(**_):
            raise error

        for rule in ("/p/<slug>", "/api/v1/petitions/<slug>/count"):
            (endpoint,) = {found.endpoint for found in app.url_map.iter_rules() if found.rule == rule}
            monkeypatch.setitem(app.view_functions, endpoint, view)

    return set_


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_page_answers_with_the_status_of_the_exception(client, fail_with, kind, status):
    fail_with(kind({"name": "Choose <another> name."}))
    page = client.get("/p/jardin?lang=en")
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert ("Choose &lt;another&gt; name." in page.text) == (status != 404)


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_api_answers_with_a_problem_document(client, fail_with, kind, status):
    fail_with(kind({"name": "Choose another name."}))
    answer = client.get("/api/v1/petitions/jardin/count")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json(force=True)["errors"] == {"name": "Choose another name."}


def test_exception_without_a_message_has_the_advice_of_its_status(client, fail_with):
    fail_with(Conflict())
    assert "reload the page" in client.get("/p/jardin?lang=en").text


@pytest.fixture
def database_gone(app):
    """Let no connection to the database be made, from the moment the function is called."""

    def refuse(*_):
        raise OperationalError("connection refused")

    def stop():
        db.session.remove()
        db.engine.dispose()
        event.listen(db.engine, "do_connect", refuse)

    yield stop
    if event.contains(db.engine, "do_connect", refuse):
        event.remove(db.engine, "do_connect", refuse)


def test_signed_in_operator_gets_the_503_page_without_the_database(client, database_gone, caplog):
    sign_in(client, "operator")
    assert client.get("/ops/").status_code == 200
    database_gone()
    for path in ("/ops/", "/ops/failures", "/account/"):
        answer = client.get(f"{path}?lang=en")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10"), path
        title = "It is not known whether mail flows" if path.startswith("/ops/") else "The server is busy"
        assert title in answer.text
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert all("Traceback" not in line for line in lines)
    assert sum(len(line) for line in lines) < 1500
