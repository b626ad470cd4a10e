"""What a dead worker of this host was sending is taken over at once; what a live one sends never is."""

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, update
from support.factories import make_petition, make_signature
from support.heartbeats import record_lasting_heartbeat

from petition.core.db import db
from petition.delivery.claims import claim_due, recover_expired_leases
from petition.delivery.models import Delivery
from petition.delivery.queues import CONFIRMATIONS
from petition.operations.models import Heartbeat
from petition.operations.workers import dead_workers


@pytest.fixture
def dead_pid():
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(ended.stdout)


def claim(pid, host=None):
    """Let a worker of a process claim an email; return the worker."""
    worker = f"{host or socket.gethostname()}/{pid}/1"
    make_signature(make_petition())
    claim_due(CONFIRMATIONS, worker)
    return worker


def recovered():
    db.session.expire_all()
    number = recover_expired_leases(CONFIRMATIONS)
    db.session.commit()
    return number


def test_emails_of_a_dead_worker_are_due_before_their_lease_ends(app, dead_pid):
    worker = claim(dead_pid)
    assert recovered() == 0
    assert dead_workers.end_leases() == [worker]
    assert recovered() == 1
    assert db.session.query(Delivery).one().state == "due"
    assert dead_workers.end_leases() == []


def test_live_worker_keeps_its_claims_also_while_it_is_suspended(app):
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        claim(other.pid)
        assert dead_workers.end_leases() == [], "it exists, whether or not it sends heartbeats"
        other.kill()


def test_worker_with_heartbeats_is_alive_even_if_its_process_is_not_seen(app, dead_pid):
    worker = claim(dead_pid)
    record_lasting_heartbeat("worker", "confirmations@container", ["confirmations"])
    db.session.execute(update(Heartbeat).values(pid=dead_pid))
    db.session.commit()
    assert dead_workers.end_leases() == []
    db.session.execute(update(Heartbeat).values(seen_at=func.now() - timedelta(seconds=7)))
    db.session.commit()
    assert dead_workers.end_leases() == [worker]


def test_another_host_is_left_to_the_lease(app, dead_pid):
    claim(dead_pid, "elsewhere")
    assert dead_workers.end_leases() == []


def test_claims_of_this_process_hold_but_those_of_an_earlier_one_with_its_id(app, monkeypatch):
    worker = claim(os.getpid())
    monkeypatch.setattr(dead_workers, "_IMPORTED", dead_workers.time.monotonic() - 30)
    assert dead_workers.end_leases() == []
    age = timedelta(seconds=31)
    db.session.execute(update(Delivery).values(lease_until=Delivery.lease_until - age))
    db.session.commit()
    assert dead_workers.end_leases() == [worker]
    db.session.execute(update(Delivery).values(lease_until=func.now() + timedelta(seconds=20)))
    db.session.commit()
    monkeypatch.setattr(dead_workers, "_IMPORTED", dead_workers.time.monotonic() - 61)
    assert dead_workers.end_leases() == [], "clocks may have been set"
