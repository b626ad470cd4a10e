from sqlalchemy import text

from petition.core.db import db, run_after_commit


def test_an_action_runs_once_after_the_commit_and_not_before(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    run_after_commit("key", lambda: done.append(2))
    assert done == []
    db.session.commit()
    db.session.commit()
    assert done == [2]


def test_a_rollback_forgets_the_action(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    db.session.rollback()
    db.session.execute(text("SELECT 1"))
    db.session.commit()
    assert done == []


def test_a_savepoint_that_is_rolled_back_keeps_the_action(app):
    done = []
    db.session.execute(text("SELECT 1"))
    run_after_commit("key", lambda: done.append(1))
    savepoint = db.session.begin_nested()
    savepoint.rollback()
    db.session.commit()
    assert done == [1]
