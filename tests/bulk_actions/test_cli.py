"""Bulk actions from a command: the question, the result, the exit code, and Ctrl-C."""

import json

import pytest
from sqlalchemy import String, func, literal, select

from petition.bulk_actions import cli, runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db


@pytest.fixture
def bulk_action(app, monkeypatch):
    """An action on seven rows, in batches of three, that is prepared."""
    handler = runner.RegisteredHandler(lambda _action, _state, ids: ids, undoable=False)
    monkeypatch.setitem(app.extensions["petition.bulk_actions"], ("samples", "mark"), handler)
    monkeypatch.setattr(runner, "BATCH_SIZE", 3)
    prepared = BulkAction(subject="samples", verb="mark", filter={"size": "small"}, reason="spam", asked_by="test")
    return runner.prepare(prepared, select(func.generate_series(1, 7), literal("open", String)))


def run(bulk_action, **options):
    """Run an action interactively; return what was recorded in the audit trail."""
    records = []

    def record(*subject, after):
        records.append((*subject, after))

    cli.run_interactively(bulk_action, lambda _action: None, record, **{"yes": True, "as_json": False, **options})
    return records


def test_the_start_is_recorded_and_the_result_printed(bulk_action, capsys):
    records = run(bulk_action, as_json=True)
    after = {"total": 7, "size": "small", "reason": "spam"}
    assert records == [("samples.mark", "action", bulk_action.id, after)]
    result = json.loads(capsys.readouterr().out)
    assert (result["state"], result["done"], result["skipped"], result["left"]) == ("done", 7, 0, 0)


def test_no_transaction_is_open_while_the_command_asks(bulk_action, monkeypatch):
    in_transaction = []

    def decline(_question):
        in_transaction.append(db.session.registry().in_transaction())
        return False

    monkeypatch.setattr("click.confirm", decline)
    with pytest.raises(SystemExit, match="1"):
        run(bulk_action, yes=False)
    assert in_transaction == [False]
    assert bulk_action.state == "draft"


def test_ctrl_c_stops_the_action_after_a_batch(bulk_action, monkeypatch):
    run_batches = runner.run_batches

    def interrupt_after_one_batch(action_id):
        yield next(run_batches(action_id))
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_batches", interrupt_after_one_batch)
    with pytest.raises(SystemExit, match="1"):
        run(bulk_action)
    assert (bulk_action.state, bulk_action.done) == ("stopped", 3)
