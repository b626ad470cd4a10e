"""What becomes of a transaction that nobody ends, as a host's that went away in its middle."""

from factories import make_petition
from running import wait_for
from sqlalchemy import create_engine, text

from petition.core.db import db


def test_a_transaction_left_alone_is_ended_and_its_owner_told_to_come_again(app, client, database_url):
    make_petition()
    db.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
    own = db.session.scalar(text("SELECT pg_backend_pid()"))
    others = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with others.connect() as other:
        there = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :own")
        wait_for(lambda: other.execute(there, {"own": own}).scalar() == 0, 10, "its end")
    others.dispose()
    answer = client.get("/api/v1/petitions/jardin/count")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    db.session.rollback()
    assert client.get("/api/v1/petitions/jardin/count").status_code == 200


def test_a_database_that_goes_away_as_a_request_ends_spoils_neither_it_nor_the_next(the_app, database_url):
    others = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with the_app.app_context():
        own = db.session.scalar(text("SELECT pg_backend_pid()"))
        with others.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
    others.dispose()
    with the_app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1
