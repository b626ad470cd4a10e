"""A worker of mailings only sends at low priority; any other worker runs at normal priority."""

import os
from collections import Counter

import pytest
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey]
MAILING_NICENESS = 10  # as docs/decisions/0028 has it


def niceness(app_processes, name):
    """Return the niceness of a process's threads except the first, with their number."""
    first = app_processes.running[name].pid
    others = [int(thread) for thread in os.listdir(f"/proc/{first}/task") if int(thread) != first]
    return Counter(os.getpriority(os.PRIO_PROCESS, thread) for thread in others)


def test_mailing_worker_sends_at_low_priority_but_its_heartbeat_does_not(app_processes):
    app_processes.worker("mailings", name="mailings")
    app_processes.worker("notifications,mailings", name="shared")
    app_processes.beat()
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    wait_for(lambda: niceness(app_processes, "mailings")[MAILING_NICENESS], 30, "a thread that sends")
    assert niceness(app_processes, "mailings")[ours], "the heartbeat's"
    assert set(niceness(app_processes, "shared")) == {ours}, "notifications would wait too"
