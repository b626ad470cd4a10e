"""The runner: a set fixed at the preview, changed batch by batch, stopped, resumed, undone, and forgotten if unused."""

import pytest
from sqlalchemy import String, func, literal, select, text

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.bulk_actions.tasks import run_bulk_actions, run_retention
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError


@pytest.fixture
def batches(app, monkeypatch):
    """Register two actions on `samples`, which change even ids only; return the batches that they were called with."""
    called = []

    def handle(bulk_action, state, ids):
        called.append((bulk_action.verb, state, list(ids)))
        return [row_id for row_id in ids if row_id % 2 == 0]

    registered = app.extensions["petition.bulk_actions"]
    monkeypatch.setitem(registered, ("samples", "mark"), runner.RegisteredHandler(handle, undoable=True))
    monkeypatch.setitem(registered, ("samples", "drop"), runner.RegisteredHandler(handle, undoable=False))
    monkeypatch.setattr(runner, "BATCH_SIZE", 3)
    return called


def prepare(rows=7, verb="mark", max_rows=None, **values):
    bulk_action = BulkAction(subject="samples", verb=verb, filter={}, asked_by="test", **values)
    query = select(func.generate_series(1, rows), literal("open", String))
    runner.prepare(bulk_action, query, max_rows)
    db.session.commit()
    return bulk_action


def start(**values):
    bulk_action = prepare(**values)
    assert runner.start(bulk_action)
    db.session.commit()
    return bulk_action


def row_ids(bulk_action):
    query = select(BulkActionRow.subject_id).where(BulkActionRow.action_id == bulk_action.id)
    return list(db.session.scalars(query.order_by(BulkActionRow.subject_id)))


def test_prepare_fixes_the_set_and_changes_nothing(batches):
    bulk_action = prepare(rows=20)
    assert (bulk_action.state, bulk_action.total, len(row_ids(bulk_action))) == ("draft", 20, 20)
    assert runner.list_sample_ids(bulk_action) == list(range(1, 11))
    assert list(runner.run_batches(bulk_action.id)) == []
    assert batches == []


def test_prepare_refuses_an_empty_set_too_many_rows_and_unknown_actions(batches):
    for arguments, error in (
        ({"rows": 0}, runner.NoMatchingRows),
        ({"rows": 4, "max_rows": 3}, runner.TooManyRows),
        ({"verb": "explode"}, ValidationError),
    ):
        with pytest.raises(error):
            prepare(**arguments)
        db.session.rollback()
    assert prepare(rows=3, max_rows=3).total == 3


def test_batches_are_bounded_and_count_what_changed(batches):
    bulk_action = start()
    progress = [(action.position, action.done, action.skipped) for action in runner.run_batches(bulk_action.id)]
    assert progress == [(3, 1, 2), (6, 3, 3), (7, 3, 4), (7, 3, 4)]
    assert [ids for _, _, ids in batches] == [[1, 2, 3], [4, 5, 6], [7]]
    assert (bulk_action.state, bulk_action.ended_at is None) == ("done", False)


@pytest.mark.parametrize(("verb", "remaining"), [("mark", [2, 4, 6]), ("drop", [])])
def test_only_changed_rows_of_an_undoable_action_are_kept(batches, verb, remaining):
    bulk_action = start(verb=verb)
    list(runner.run_batches(bulk_action.id))
    assert row_ids(bulk_action) == remaining


def test_rows_are_handled_by_the_state_they_had_at_the_preview(batches):
    bulk_action = BulkAction(subject="samples", verb="mark", filter={}, asked_by="test")
    number = func.generate_series(1, 3).column_valued("number")
    runner.prepare(bulk_action, select(number, func.concat("state ", number % 2)))
    runner.start(bulk_action)
    db.session.commit()
    list(runner.run_batches(bulk_action.id))
    assert batches == [("mark", "state 0", [2]), ("mark", "state 1", [1, 3])]


def test_a_stopped_action_resumes_where_it_stopped(batches):
    bulk_action = start()
    assert not runner.start(bulk_action), "it runs already"
    next(runner.run_batches(bulk_action.id))
    assert runner.stop(bulk_action)
    assert not runner.stop(bulk_action)
    db.session.commit()
    assert list(runner.run_batches(bulk_action.id)) == []
    assert runner.start(bulk_action)
    db.session.commit()
    run_bulk_actions()
    assert [ids for _, _, ids in batches] == [[1, 2, 3], [4, 5, 6], [7]]
    assert not runner.start(bulk_action), "it is done"


def test_an_action_that_is_being_undone_is_not_resumed(batches):
    bulk_action = start()
    next(runner.run_batches(bulk_action.id))
    runner.stop(bulk_action)
    undo = prepare(undoes=bulk_action.id)
    assert runner.find_undo(bulk_action) is None, "only prepared"
    runner.start(undo)
    db.session.commit()
    assert runner.find_undo(bulk_action) is undo
    assert not runner.start(bulk_action)


def test_an_action_is_found_by_its_subject_only(batches):
    bulk_action = prepare()
    assert runner.find("samples", bulk_action.id) is bulk_action
    for subject, action_id in (("deliveries", bulk_action.id), ("samples", 0), ("samples", 2**63)):
        with pytest.raises(NotFound):
            runner.find(subject, action_id)


def test_only_started_actions_are_listed_newest_first(batches):
    first, second = start(), start()
    prepare()
    assert runner.list_recent("samples") == [second, first]
    assert runner.list_recent("samples", 1) == [second]
    assert runner.list_recent("deliveries") == []


def test_actions_never_started_are_deleted_after_a_day(batches):
    old, recent, running = prepare(), prepare(), start()
    expired = text("UPDATE bulk_actions SET created_at = now() - interval '25 hours' WHERE id = ANY(:ids)")
    db.session.execute(expired, {"ids": [old.id, running.id]})
    db.session.commit()
    run_retention()
    assert db.session.scalars(select(BulkAction.id).order_by(BulkAction.id)).all() == [recent.id, running.id]
