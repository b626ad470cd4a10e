"""A setting that cannot be used ends every entry point at once, with one line that names it and shows no secret."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from support.waiting import BUSY_FACTOR

TIMEOUT_SECONDS = 60 * BUSY_FACTOR  # a start alone may take many seconds
SECRET = "hunter2hunter2"

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("deployment")]

COMMANDS = {
    "web": ["gunicorn", "--preload", "--no-control-socket", "--bind", "127.0.0.1:0", "wsgi:app"],
    "worker": ["celery", "-A", "worker", "worker", "-Q", "confirmations"],
    "migrate": ["petition", "db", "upgrade"],
}
INVALID_SETTINGS = {
    "unknown setting": ("PETITION_POOL_SIZES", "12"),
    "malformed URL": ("DATABASE_URL", f"postgresql//petition:{SECRET}@127.0.0.1/petition"),
    "short key": ("SECRET_KEY", SECRET),
    "unreachable database": ("DATABASE_URL", f"postgresql://petition:{SECRET}@127.0.0.1:1/petition"),
}


@dataclass
class ProcessResult:
    """How a process that was given a bad setting ended."""

    code: int
    output: str
    errors: str


Endings = dict[tuple[str, str], ProcessResult]


def run(folder: Path, settings: dict[str, str], entry: str, invalid_setting: str) -> ProcessResult:
    """Run one entry point with one invalid_setting in otherwise sound settings."""
    name, value = INVALID_SETTINGS[invalid_setting]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **settings, name: value}
    ended = subprocess.run(
        COMMANDS[entry],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return ProcessResult(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str) -> Endings:
    """Run every entry point with every invalid_setting, three at a time."""
    settings = {
        "SECRET_KEY": "k" * 64,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "https://petition.example.org",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
    }
    folder = tmp_path_factory.mktemp("bad-settings")
    pairs = list(product(COMMANDS, INVALID_SETTINGS))
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(pairs, pool.map(lambda pair: run(folder, settings, *pair), pairs), strict=True))


@pytest.mark.parametrize("invalid_setting", INVALID_SETTINGS)
@pytest.mark.parametrize("entry", COMMANDS)
def test_it_ends_with_one_line(results: Endings, entry: str, invalid_setting: str) -> None:
    ending, name = results[entry, invalid_setting], INVALID_SETTINGS[invalid_setting][0]
    assert ending.code != 0
    [line] = [line for line in ending.errors.splitlines() if "petition: " in line or name in line]
    assert line.startswith("petition: ")
    assert name in line
    assert name not in ending.output
    assert SECRET not in ending.output + ending.errors
    assert "Traceback" not in ending.errors
