"""A setting that cannot be used ends every entry point at once, with one line that names it and shows no secret."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

LONGEST = 10.0  # seconds
SECRET = "hunter2hunter2"

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("deployment")]

COMMANDS = {
    "web": ["gunicorn", "--preload", "--no-control-socket", "--bind", "127.0.0.1:0", "wsgi:app"],
    "worker": ["celery", "-A", "worker", "worker", "-Q", "confirmations"],
    "migrate": ["petition", "db", "upgrade"],
}
MISTAKES = {
    "unknown setting": ("PETITION_POOL_SIZES", "12"),
    "malformed URL": ("DATABASE_URL", f"postgresql//petition:{SECRET}@127.0.0.1/petition"),
    "short key": ("SECRET_KEY", SECRET),
    "unreachable database": ("DATABASE_URL", f"postgresql://petition:{SECRET}@127.0.0.1:1/petition"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("entry", COMMANDS)
def test_it_ends_with_one_line(tmp_path: Path, database_url: str, redis_url: str, entry: str, mistake: str) -> None:
    name, value = MISTAKES[mistake]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "SECRET_KEY": "k" * 64,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "https://petition.example.org",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
        name: value,
    }
    began = time.monotonic()
    ended = subprocess.run(
        COMMANDS[entry], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert time.monotonic() - began < LONGEST
    assert [line for line in ended.stderr.splitlines() if name in line] == [
        line for line in ended.stderr.splitlines() if line.startswith("petition: ")
    ]
    assert output.count("petition: ") == 1
    assert name in output
    assert SECRET not in output
    assert "Traceback" not in output
