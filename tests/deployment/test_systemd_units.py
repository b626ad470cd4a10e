"""The units of systemd start what compose.yaml starts, and systemd takes them as they are."""

import re
import shlex
import shutil
import subprocess

import pytest
from support import compose_file

from config import Config
from petition.delivery.queues import QUEUE_NAMES

UNITS = sorted((compose_file.ROOT / "deploy").glob("petition-*.*"))
SERVICES = compose_file.load_compose()["services"]


def command(unit):
    words = shlex.split(re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[1])
    return [words[0].rpartition("/")[2], *words[1:]]


def in_compose(name):
    found = SERVICES[name].get("command", compose_file.parse_image().command)
    return shlex.split(found) if isinstance(found, str) else found


def test_web_and_beat_are_started_as_in_compose():
    web, beat = (command(compose_file.ROOT / f"deploy/petition-{name}.service") for name in ("web", "beat"))
    assert [word.replace("127.0.0.1", "0.0.0.0") for word in web] == in_compose("web")
    assert [word.replace("petition-beat", "beat") for word in beat] == in_compose("beat")


def test_the_socket_is_where_the_web_would_listen():
    socket = (compose_file.ROOT / "deploy/petition-web.socket").read_text()
    words = command(compose_file.ROOT / "deploy/petition-web.service")
    assert f"ListenStream={words[words.index('--bind') + 1]}\n" in socket


@pytest.mark.parametrize("queue", QUEUE_NAMES)
def test_workers_are_started_as_in_compose(queue):
    ours = command(compose_file.ROOT / "deploy/petition-worker@.service")
    theirs, place = in_compose(f"worker-{queue}"), ours.index("--concurrency") + 1
    ours = [word.replace("%i", queue).replace("%H", "%h") for word in ours]
    assert [*ours[:place], *ours[place + 1 :]] == [*theirs[:place], *theirs[place + 1 :]]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt-get install systemd")
def test_systemd_takes_the_units(tmp_path):
    assert len(UNITS) == 4
    for unit in UNITS:
        # The program need not be installed here.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        (tmp_path / unit.name.replace("@", "@confirmations")).write_text(text)
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert str(tmp_path) not in ended.stderr, ended.stderr
    assert not any(unit.stem.partition("@")[0] in ended.stderr for unit in UNITS), ended.stderr


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.stem)
def test_units_are_confined_alike(unit):
    """Where one needs more than the others, say it here."""
    confined = (compose_file.ROOT / "deploy/petition-web.service").read_text().partition("# What it may do")[2]
    assert {"PrivateUsers=true", "ProtectSystem=strict", "SystemCallFilter=@system-service"} <= set(
        confined.split("\n")
    )
    assert unit.read_text().endswith(confined)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt-get install systemd")
def test_systemd_rates_the_units_as_safe(tmp_path):
    for unit in UNITS:
        if unit.suffix == ".service":
            copy = tmp_path / unit.name.replace("@", "@confirmations")
            copy.write_text(unit.read_text())
            rated = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", str(copy)],
                capture_output=True, text=True, check=False, timeout=240,
            )  # fmt: skip
            assert rated.returncode == 0, rated.stdout[-300:] + rated.stderr


def test_the_sample_has_settings_that_start(tmp_path):
    text = (compose_file.ROOT / "deploy/settings.example").read_text()
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert settings.pop("WEB_CONCURRENCY") == "2"
    for name, value in settings.items():
        if name.endswith("_FILE"):
            settings[name] = str(tmp_path / value.rpartition("/")[2])
            (tmp_path / value.rpartition("/")[2]).write_text("k" * 64)
    assert Config(settings).DATABASE_URL.endswith("///petition?host=/run/postgresql")
    optional = dict(re.findall(r"^#(\w+)=(.*)$", text, re.M))
    assert "PETITION_BOUNCE_MAILBOX" in optional
    Config(settings | {name: value for name, value in optional.items() if not name.endswith("_FILE")})
