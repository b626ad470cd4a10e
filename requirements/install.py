"""Create a virtual environment if there is none, and install locked packages into it: with uv if present, else pip.

    python3 install.py VENV REQUIREMENTS [--application]

Uses the standard library only. Whatever fails or is interrupted is repeated by the next run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UV = shutil.which("uv")
ENVIRONMENT = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
REPORT_EVERY = 20  # packages, where the output is not a terminal


def main(venv: Path, requirements: Path, application: bool) -> None:
    """Create the environment, then install the packages and, if asked, this application in place."""
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(
            f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. Name another: make PYTHON=python3.12"
        )
    if not is_usable(venv):
        create(venv)
    total = len(re.findall(r"^\w\S*==", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    install(venv, f"{total} packages", total, "--require-hashes", "-r", str(requirements))
    if application:
        install(venv, "the application", 1, "--no-deps", "--no-build-isolation", "-e", ".")


def is_usable(venv: Path) -> bool:
    """Say whether an environment is there and complete: its creation may have been interrupted."""
    python = venv / "bin" / "python"
    return python.exists() and run(str(python), "-m", "pip", "--version").returncode == 0


def create(venv: Path) -> None:
    """Create the environment, or leave none behind and say what to install."""
    print(f"Creating {venv}", flush=True)
    uv = [UV, "venv", "--quiet", "--seed", "--clear", "--python", sys.executable] if UV else None
    ended = run(*(uv or [sys.executable, "-m", "venv", "--clear"]), str(venv))
    if ended.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        reason = ended.stdout.strip()
        if not uv and ("ensurepip" in reason or "No module named venv" in reason):
            reason = "the module venv is incomplete: apt-get install python3-venv"
        sys.exit(f"{venv} could not be created: {reason}")


def install(venv: Path, what: str, total: int, *arguments: str) -> None:
    """Install packages and show the progress; what the installer prints is shown only if it fails."""
    print(f"Installing {what}", flush=True)
    if UV:
        # It has a progress bar of its own.
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        command = [UV, "pip", "install", "--python", str(venv / "bin" / "python"), *quiet, *arguments]
        code, output = subprocess.run(command, check=False).returncode, ""
    else:
        code, output = install_with_pip(venv, total, arguments)
    if code:
        sys.exit(f"{output[-2000:]}\n{what} could not be installed: see above")


def install_with_pip(venv: Path, total: int, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run pip, showing how many packages it has found and installed; returns its exit code and its output."""
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        pip = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        shown = ""
        while pip.poll() is None:
            time.sleep(0.3)
            log.seek(0)
            shown = show_progress(venv, log.read(), total, shown)
        log.seek(0)
        if sys.stdout.isatty():
            print("\r" + " " * 40, end="\r", flush=True)
        return pip.returncode, log.read()


def show_progress(venv: Path, output: str, total: int, shown: str) -> str:
    """Show how far pip is: on one line of a terminal, else now and then on a new line; returns what is shown."""
    if "\nInstalling collected packages" in output:
        step, done = "installed", len(list(venv.glob("lib/python*/site-packages/*.dist-info")))
    else:
        step, done = "downloaded", len(re.findall(r"^(?:Collecting |Requirement already)", output, re.MULTILINE))
    every = 1 if sys.stdout.isatty() else REPORT_EVERY
    text = f"  {step} {min(done, total) // every * every} of {total}"
    if text != shown:
        print(f"\r{text:<40}" if every == 1 else text, end="" if every == 1 else "\n", flush=True)
    return text


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its outputs joined."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=ENVIRONMENT
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--application" in sys.argv[3:])
