"""A worker of mailings only runs at idle priority; any other worker runs at normal priority."""

import os
from collections import Counter

import pytest
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def policies(app_processes, name):
    """Return the scheduling policies of a process's threads except the first, with their number."""
    first = app_processes.running[name].pid
    others = [int(thread) for thread in os.listdir(f"/proc/{first}/task") if int(thread) != first]
    return Counter(os.sched_getscheduler(thread) for thread in others)


def test_mailing_worker_runs_at_idle_priority_but_its_heartbeat_does_not(app_processes):
    app_processes.worker("mailings", name="mailings")
    app_processes.worker("notifications,mailings", name="shared")
    app_processes.beat()
    wait_for(lambda: policies(app_processes, "mailings")[os.SCHED_IDLE], 30, "a thread that sends")
    assert policies(app_processes, "mailings")[os.SCHED_OTHER], "the heartbeat's"
    assert set(policies(app_processes, "shared")) == {os.SCHED_OTHER}, "notifications would starve"
