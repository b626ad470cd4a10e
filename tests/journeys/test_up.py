"""`petition up`: start, stop, restart with the same data, and errors in settings."""

import os
import signal
import subprocess
import sys

import pytest
from support.local_stack import LocalStack
from support.ports import free_port
from support.settings import ROOT

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("stack")]
STOP_LIMIT_SECONDS = 15  # ten are promised, and the tests' machine is busy


def test_the_stack_starts_serves_and_stops_on_ctrl_c(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    assert stack.count()["confirmed"] == 0
    took, left = stack.stop(signal.SIGINT)
    assert stack.process.returncode == 0
    assert took < STOP_LIMIT_SECONDS
    assert left == []
    lines = stack.output.read_text().splitlines()
    assert [line for line in lines if "Warning" in line or "INFO" in line] == []


@pytest.mark.slow
def test_two_stacks_side_by_side_a_clean_stop_and_the_data_again(stack, tmp_path):
    other = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    assert other.count()["confirmed"] == 0
    other.request("POST", "/p/internet-en-prison/sign", form={"name": "Zoé", "email": "zoe@example.org"})
    assert other.confirm(other.link_to("zoe@example.org")).status == 303
    mails = len(other.get("/mailbox/messages.json").json)
    took, left = other.stop(signal.SIGINT)
    assert other.process.returncode == 0
    assert took < STOP_LIMIT_SECONDS
    assert left == []
    again = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    assert again.count()["confirmed"] == 1
    assert len(again.get("/mailbox/messages.json").json) == mails
    took, left = again.stop(signal.SIGTERM)
    assert took < STOP_LIMIT_SECONDS
    assert left == []
    assert stack.get("/readyz").status == 200


@pytest.mark.slow
def test_commands_find_the_running_stack(stack, tmp_path):
    def petition(*arguments):
        command = [sys.executable, "-m", "petition.cli", "--data", str(stack.data), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    listed = petition("petitions", "list")
    assert listed.returncode == 0, listed.stderr
    assert "internet-en-prison" in listed.stdout
    bad = tmp_path / "bad.md"
    bad.write_text("---\nslug: Bad Slug\nkind: poem\n---\n# fr: T\n\nno summary\n")
    refused = petition("petitions", "create", str(bad))
    assert refused.returncode != 0
    for line in (f"{bad}:2:", f"{bad}:3:"):
        assert line in refused.stderr
    assert "poem" not in petition("petitions", "list").stdout
    assert petition("petitions", "show", "no-such").returncode != 0
    assert petition("db", "upgrade").returncode == 0
    assert petition("queue").returncode == 0


@pytest.mark.parametrize(
    ("name", "value"), [("PETITION_FOO", "1"), ("CONFIRM_WITHIN", "never"), ("REDIS_URL", "nonsense")]
)
def test_a_bad_setting_ends_the_start_with_one_line(tmp_path, name, value):
    command = [sys.executable, "-m", "petition.cli", "up", "--port", str(free_port()), "--data", str(tmp_path / "data")]
    ended = subprocess.run(
        command, env={**os.environ, name: value}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"petition: {name} ")
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()
