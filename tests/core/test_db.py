"""Sessions, lost connections, autocommitted statements, and actions after a commit."""

import os
import signal
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from support.factories import make_petition
from support.waiting import wait_for

from petition.core import db as database
from petition.core.db import db, execute_autocommit, is_outage, run_after_commit


def test_idle_transaction_is_terminated_and_answered_503(app, client, database_url):
    make_petition()
    own = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
    others = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with others.connect() as other:
        there = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :own")
        wait_for(lambda: other.execute(there, {"own": own}).scalar() == 0, 10, "the end of the backend")
    others.dispose()
    answer = client.get("/api/v1/petitions/jardin/count")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    db.session.rollback()
    assert client.get("/api/v1/petitions/jardin/count").status_code == 200


def test_connection_lost_at_the_end_of_a_request_fails_neither_it_nor_the_next(session_app, database_url):
    others = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with session_app.app_context():
        own = db.session.scalar(text("SELECT pg_backend_pid()"))
        with others.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
    others.dispose()
    with session_app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1


def test_execute_autocommit_commits_independently_of_the_session(app):
    petition = make_petition()
    rename = text("UPDATE petitions SET sender_name = :name WHERE slug = :slug RETURNING id, sender_name")
    assert execute_autocommit(rename, {"name": "100 % Jardin", "slug": "jardin"}) == (petition.id, "100 % Jardin")
    assert execute_autocommit(rename, {"name": "x", "slug": "none"}) is None
    db.session.rollback()
    assert db.session.scalar(text("SELECT sender_name FROM petitions")) == "100 % Jardin"


def test_failed_execute_autocommit_restores_the_connection(app):
    with pytest.raises(psycopg.errors.DivisionByZero):
        execute_autocommit(text("SELECT 1 / :n"), {"n": 0})
    assert execute_autocommit(text("SELECT 1 / :n"), {"n": 1}) == (1,)
    with db.engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit is False


def test_execute_autocommit_after_a_restart_fails_at_most_once(app, database_url):
    execute_autocommit(text("SELECT 1"), {})
    db.session.rollback()
    others = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with others.connect() as other:
        ours = "datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'petition'"
        other.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {ours}"))
    others.dispose()
    with suppress(psycopg.OperationalError):  # unless its connection was idle, and pinged first
        execute_autocommit(text("SELECT 1"), {})
    assert execute_autocommit(text("SELECT 1"), {}) == (1,)
    db.engine.dispose()  # the pool may hold more of the connections that were terminated


def test_connection_whose_server_is_suspended_is_replaced(app, monkeypatch):
    monkeypatch.setattr(database, "PING_AFTER_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(database, "PING_TIMEOUT_SECONDS", 0.2)
    db.engine.dispose()
    with db.engine.connect() as connection:
        suspended = connection.scalar(text("SELECT pg_backend_pid()"))
    os.kill(suspended, signal.SIGSTOP)
    try:
        with db.engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) != suspended
    finally:
        os.kill(suspended, signal.SIGCONT)


def test_outages_are_told_from_what_the_database_thinks_of_a_query():
    def wrap(error):
        return OperationalError("SELECT 1", {}, error)

    for error in (psycopg.errors.AdminShutdown(), psycopg.errors.ConnectionTimeout(), psycopg.OperationalError()):
        assert is_outage(wrap(error))
        assert is_outage(error)
    assert is_outage(PoolTimeout())
    assert not is_outage(wrap(psycopg.errors.QueryCanceled()))
    assert not is_outage(wrap(psycopg.errors.DeadlockDetected()))
    assert not is_outage(InternalError("SELECT 1", {}, psycopg.errors.IdleInTransactionSessionTimeout()))
    assert not is_outage(ValueError())


def test_action_runs_once_after_the_commit_and_not_before(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    run_after_commit("key", lambda: done.append(2))
    assert done == []
    db.session.commit()
    db.session.commit()
    assert done == [2]


def test_rollback_discards_the_action(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    db.session.rollback()
    db.session.execute(text("SELECT 1"))
    db.session.commit()
    assert done == []


def test_rollback_of_a_savepoint_keeps_the_action(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    savepoint = db.session.begin_nested()
    savepoint.rollback()
    db.session.commit()
    assert done == [1]
