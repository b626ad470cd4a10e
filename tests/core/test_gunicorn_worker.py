"""The delay of accept that balances connections between web processes."""

import pytest
from gunicorn.workers.gthread import ThreadWorker

from petition.core import gunicorn_worker
from petition.core.gunicorn_worker import DELAY_PER_CONNECTION_SECONDS, MAX_DELAY_SECONDS, LeastConnectionsWorker


@pytest.mark.parametrize(
    ("connections", "delay"), [(0, 0), (3, 3 * DELAY_PER_CONNECTION_SECONDS), (10_000, MAX_DELAY_SECONDS)]
)
def test_accept_delay_grows_with_open_connections_up_to_a_limit(monkeypatch, connections, delay):
    calls = []
    monkeypatch.setattr(gunicorn_worker.time, "sleep", lambda seconds: calls.append(seconds))
    monkeypatch.setattr(ThreadWorker, "accept", lambda worker, listener: calls.append(listener))
    worker = LeastConnectionsWorker.__new__(LeastConnectionsWorker)
    worker.nr_conns = connections
    worker.accept("the listener")
    assert calls == [pytest.approx(delay), "the listener"]
