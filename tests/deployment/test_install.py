"""Installing: an environment is whole or absent, what is missing is named, and the wheel holds what runs."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from support.settings import ROOT

LOCKS = ROOT / "requirements"
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.M)


@pytest.fixture
def installer(monkeypatch):
    specification = importlib.util.spec_from_file_location("installer", LOCKS / "install.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_without_ensurepip_nothing_is_left_and_the_package_is_named(installer, tmp_path, monkeypatch):
    monkeypatch.setattr(installer, "find_pip", lambda: None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        installer.create(tmp_path / "venv")
    assert not (tmp_path / "venv").exists()


def test_a_creation_that_fails_leaves_nothing(installer, tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nmkdir -p "$5/bin" && echo "disk is full" && exit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(installer.sys, "executable", str(python))
    with pytest.raises(SystemExit, match="disk is full"):
        installer.create(tmp_path / "venv")
    assert not (tmp_path / "venv").exists()


def test_an_interrupted_creation_is_repeated(installer, tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys._base_executable)
    assert not installer.is_usable(venv), "it would install into the system"
    installer.create(venv)
    assert installer.is_usable(venv)


def test_uv_is_installed_once_and_a_failure_of_it_is_left_to_pip(installer, tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(installer, "is_usable", lambda venv: True)
    monkeypatch.setattr(
        installer, "install_with_pip", lambda venv, total, *arguments: steps.append(("pip", *arguments))
    )
    monkeypatch.setattr(installer, "install_with_uv", lambda venv, *arguments: steps.append(("uv",)) or 1)
    installer.main(tmp_path, LOCKS / "run.txt", application=False)
    locked = ("--require-hashes", "-r")
    assert steps == [
        ("pip", *locked, str(LOCKS / "build.txt")),
        ("uv",),
        ("pip", "--no-build-isolation", *locked, str(LOCKS / "run.txt")),
    ]


def test_what_builds_is_locked_and_in_the_versions_of_the_other_locks():
    tools = dict(PIN.findall((LOCKS / "build.txt").read_text()))
    assert set(tools) == {"babel", "setuptools", "uv"}
    packages = dict(PIN.findall((LOCKS / "run.txt").read_text()))
    assert {name: packages[name] for name in tools if name != "uv"} == {k: v for k, v in tools.items() if k != "uv"}


def test_constraints_are_the_versions_of_the_locks():
    made = subprocess.run([sys.executable, LOCKS / "constraints.py"], capture_output=True, text=True, check=True)
    assert (LOCKS / "constraints.txt").read_text() == made.stdout, "make lock writes them"
    assert "flask==" in made.stdout
    assert "--hash" not in made.stdout


@pytest.fixture
def tree(tmp_path):
    """Return a copy of what a wheel is built from, without compiled translations."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "setup.py", "LICENSE", "config.py", "worker.py", "wsgi.py"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "petition", tree / "petition", ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    (tree / "tests").mkdir()
    (tree / "tests" / "__init__.py").touch()
    return tree


def build(tree):
    """Build a wheel; return the names in it."""
    (tree.parent / "wheels").mkdir(exist_ok=True)
    command = [sys.executable, "-c", BUILD, str(tree.parent / "wheels")]
    ended = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr[-2000:]
    [wheel] = (tree.parent / "wheels").iterdir()
    return zipfile.ZipFile(wheel).namelist()


@pytest.mark.slow
def test_a_wheel_has_compiled_translations_and_nothing_of_an_earlier_one(tree):
    (tree / "petition/core/of_an_earlier_version.py").touch()
    assert "petition/core/of_an_earlier_version.py" in build(tree)
    (tree / "petition/core/of_an_earlier_version.py").unlink()
    names = build(tree)
    assert not (tree / "build").exists()
    assert not list(tree.rglob("*.mo"))
    assert "petition/core/of_an_earlier_version.py" not in names
    assert "petition/translations/fr/LC_MESSAGES/messages.mo" in names
    assert "petition/operations/runbook.md" in names
    assert "petition/migrations/sql/0013_tables.sql" in names
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"petition", "config.py", "worker.py", "wsgi.py"}


@pytest.mark.slow
def test_up_without_its_extra_names_the_extra(tmp_path):
    code = "import sys; sys.modules['honcho'] = None; from petition.commands import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "up", "--data", str(tmp_path)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("petition: the embedded engines are not installed (honcho")
    assert "pip install 'petition[embedded]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
