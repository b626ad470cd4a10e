"""A web process that holds many connections lets the others take the next one first."""

import pytest
from gunicorn.workers.gthread import ThreadWorker

from petition.core import web_worker
from petition.core.web_worker import LONGEST, STEP, SharingWorker


@pytest.mark.parametrize(("held", "wait"), [(0, 0), (3, 3 * STEP), (10_000, LONGEST)])
def test_the_more_it_holds_the_longer_it_waits_up_to_a_moment(monkeypatch, held, wait):
    done = []
    monkeypatch.setattr(web_worker.time, "sleep", lambda seconds: done.append(seconds))
    monkeypatch.setattr(ThreadWorker, "accept", lambda worker, listener: done.append(listener))
    worker = SharingWorker.__new__(SharingWorker)
    worker.nr_conns = held
    worker.accept("the listener")
    assert done == [pytest.approx(wait), "the listener"], "the others are let first, then it tries"
