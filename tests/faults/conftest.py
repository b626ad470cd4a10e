"""One whole stack for all faults, the random seed, and the report of each fault's measurements."""

import os
import random
from contextlib import contextmanager

import pytest
from support.faults.clock import COMPILER, Clock
from support.faults.report import FaultReport
from support.faults.stack import FaultStack


@pytest.fixture(scope="session")
def seed():
    """Return the random seed: fixed in the quick form, else another each time."""
    full = os.environ.get("FAULTS") == "full"
    chosen = os.environ.get("FAULTS_SEED") or (str(random.randrange(10**6)) if full else "1")
    print(f"FAULTS_SEED={chosen}")
    return chosen


@pytest.fixture(scope="session")
def report():
    fault_report = FaultReport(keep=os.environ.get("FAULTS") == "full")
    yield fault_report
    fault_report.write()


@contextmanager
def running(folder, clock=None):
    folder.chmod(0o755)
    stack = FaultStack(folder, clock)
    try:
        yield stack.begin()
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def true_stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("faults")) as stack:
        yield stack


@pytest.fixture(scope="session")
def clocked_stack(tmp_path_factory):
    """Return a stack whose every process uses a clock that can be set."""
    if not COMPILER:
        pytest.skip("needs a C compiler: apt-get install gcc")
    folder = tmp_path_factory.mktemp("clocked")
    with Clock(folder) as clock, running(folder, clock) as stack:
        yield stack


@pytest.fixture
def stack(request):
    fault = request.node.callspec.params.get("fault") if hasattr(request.node, "callspec") else None
    found = request.getfixturevalue("clocked_stack" if fault and fault.clock else "true_stack")
    found.restart()
    return found
