"""Acknowledging messages after the connection to the broker was lost, and tasks while the database is gone."""

from types import SimpleNamespace

import psycopg
import pytest
from kombu.transport.redis import QoS
from sqlalchemy.exc import OperationalError

from petition.core.celery import DisconnectTolerantQoS


@pytest.fixture
def lost_channel():
    """Return a channel as kombu leaves it after its connection was lost."""
    return SimpleNamespace(connection=None, do_restore=False)


def test_ack_on_a_lost_connection_is_ignored(lost_channel):
    DisconnectTolerantQoS(lost_channel).ack("tag")
    with pytest.raises(AttributeError):
        QoS(lost_channel).ack("tag")  # which would end the worker


def test_unacked_messages_are_not_restored_at_shutdown():
    assert DisconnectTolerantQoS.restore_at_shutdown is False


@pytest.fixture
def failing_task(app):
    """Return a task that raises its argument."""

    def fail(error):
        raise error

    celery = app.extensions["celery"]
    yield celery.task(name="tests.fail")(fail)
    del celery.tasks["tests.fail"]


def test_task_logs_an_outage_of_the_database_in_one_line(failing_task, caplog):
    failing_task(OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")))
    (record,) = [record for record in caplog.records if record.name.startswith("petition")]
    assert "database unavailable" in record.getMessage()
    assert "tests.fail" in record.getMessage()
    assert record.exc_info is None


def test_task_raises_every_other_error(failing_task):
    with pytest.raises(OperationalError):
        failing_task(OperationalError("SELECT 1", {}, psycopg.errors.QueryCanceled()))
    with pytest.raises(ValueError, match="a defect"):
        failing_task(ValueError("a defect"))


@pytest.mark.slow
def test_broker_is_tried_again_within_five_seconds(app):
    celery, waits = app.extensions["celery"], []

    class Enough(Exception):
        pass

    def note(_error, interval):
        waits.append(interval)
        if len(waits) == 3:
            raise Enough

    connection = celery.connection_for_write("redis://127.0.0.1:1/0")
    with pytest.raises(Enough):
        connection.ensure_connection(note, interval_start=4, interval_step=40)
    assert max(waits) <= 5
