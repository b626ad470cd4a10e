"""The image: locked, without secrets, without root."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from support import compose_file

import config
from petition.local_stack import gunicorn_conf

IMAGE = compose_file.parse_image()
STAGES = compose_file.parse_stages()
LOCK = compose_file.ROOT / "requirements" / "image.txt"

# Imports as the image does: what is installed here and not there cannot be found.
IMPORT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in the image")

absent = set(sys.argv[2:])
sys.meta_path.insert(0, Absent())
__import__(sys.argv[1])
"""


def locked() -> set[str]:
    """Return the names of the distributions in the image."""
    return set(re.findall(r"^([a-z0-9.-]+)==", LOCK.read_text(encoding="utf-8"), re.M))


def test_what_the_application_imports_and_flower_are_locked() -> None:
    project = tomllib.loads((compose_file.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["monitoring"]]
    assert {re.match(r"[a-z0-9-]+", name)[0] for name in wanted} <= locked()


@pytest.mark.parametrize("module", ["petition", "petition.cli", "celery", "gunicorn.app.wsgiapp", "flower"])
def test_an_entry_point_imports_nothing_that_the_image_lacks(tmp_path: Path, module: str) -> None:
    there = {"petition", *locked()}
    absent = [
        top
        for top, distributions in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in distributions} & there
    ]
    assert "pytest" in absent
    tried = subprocess.run(
        [sys.executable, "-c", IMPORT, module, *absent], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr[-600:]


def test_nothing_is_installed_that_is_not_locked() -> None:
    commands = [part for word, line in STAGES[0] if word == "RUN" for part in line.split("&&")]
    installs = [command for command in commands if re.search(r"pip (install|wheel)", command)]
    assert len(installs) == 5
    for install in installs:
        assert "--require-hashes" in install or "--no-deps" in install
        assert "--no-build-isolation" in install or "build.txt" in install or "--no-index" in install


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    allowed = (compose_file.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copies = [arguments.split()[:-1] for instruction, arguments in STAGES[0] if instruction == "COPY"]
    for path in (path for paths in copies for path in paths):
        assert (compose_file.ROOT / path).exists(), path
        assert f"!{path}" in allowed


def test_it_runs_as_a_user_of_its_own_without_rights() -> None:
    uid, gid = IMAGE.user.split(":")
    assert int(uid) >= 1000
    assert int(gid) >= 1000
    instructions = [instruction for instruction, _ in STAGES[-1]]
    assert instructions.index("USER") > max(i for i, name in enumerate(instructions) if name in {"RUN", "COPY"})


def test_nothing_secret_is_baked_in() -> None:
    named = re.findall(r"^\s*(?:ARG|ENV)\s.*$", compose_file.DOCKERFILE.read_text(encoding="utf-8"), re.M)
    assert not [line for line in named if any(secret in line for secret in config.SECRET_SETTING_NAMES)]


def test_the_web_server_keeps_tokens_out_of_its_logs_and_stops_in_order() -> None:
    command = IMAGE.command
    assert command[:2] == ["gunicorn", "wsgi:app"]
    assert not [word for word in command if word.startswith("--access-log")]
    assert {"--preload", "--no-control-socket"} <= set(command)
    assert command[command.index("--worker-tmp-dir") + 1] == "/dev/shm"
    assert command[command.index("--worker-class") + 1] == gunicorn_conf.worker_class


def test_the_health_check_needs_python_only() -> None:
    assert IMAGE.health[:2] == ["python", "-c"]
    assert "'/healthz'" in IMAGE.health[2]
    assert re.findall(r"^import (\S+)", IMAGE.health[2]) == ["http.client"]
