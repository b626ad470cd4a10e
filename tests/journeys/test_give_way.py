"""A worker of mailings alone takes the processor time that all else leaves; any other keeps its priority."""

import os
from collections import Counter

import pytest
from running import wait_for

pytestmark = pytest.mark.journey


def policies(parts, name):
    """Return how many threads of a part, its first one apart, are scheduled in which way."""
    first = parts.running[name].pid
    others = [int(thread) for thread in os.listdir(f"/proc/{first}/task") if int(thread) != first]
    return Counter(os.sched_getscheduler(thread) for thread in others)


def test_what_sends_a_mailing_gives_way_and_what_tells_of_it_does_not(parts):
    parts.worker("mailings", name="mailings")
    parts.worker("notices,mailings", name="shared")
    parts.beat()
    wait_for(lambda: policies(parts, "mailings")[os.SCHED_IDLE], 30, "a thread that sends")
    assert policies(parts, "mailings")[os.SCHED_OTHER], "the heartbeat's"
    assert set(policies(parts, "shared")) == {os.SCHED_OTHER}, "notices would starve"
