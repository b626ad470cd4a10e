"""A web process that holds many connections lets the others take the next one first."""

import pytest
from gunicorn.workers.gthread import ThreadWorker

from petition.core import gunicorn_worker
from petition.core.gunicorn_worker import DELAY_PER_CONNECTION_SECONDS, MAX_DELAY_SECONDS, LeastConnectionsWorker


@pytest.mark.parametrize(("held", "wait"), [(0, 0), (3, 3 * DELAY_PER_CONNECTION_SECONDS), (10_000, MAX_DELAY_SECONDS)])
def test_accept_delay_grows_with_open_connections_up_to_a_limit(monkeypatch, held, wait):
    done = []
    monkeypatch.setattr(gunicorn_worker.time, "sleep", lambda seconds: done.append(seconds))
    monkeypatch.setattr(ThreadWorker, "accept", lambda worker, listener: done.append(listener))
    worker = LeastConnectionsWorker.__new__(LeastConnectionsWorker)
    worker.nr_conns = held
    worker.accept("the listener")
    assert done == [pytest.approx(wait), "the listener"], "the others are let first, then it tries"
