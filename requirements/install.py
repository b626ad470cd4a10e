"""Create a virtual environment if there is none, and install locked packages into it: with uv if present, else pip.

    python3 install.py VENV REQUIREMENTS [--application]

Uses the standard library only. Whatever fails or is interrupted is repeated by the next run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

UV = shutil.which("uv")
ENVIRONMENT = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
REPORT_EVERY = 20  # packages, where the output is not a terminal


def main(venv: Path, requirements: Path, application: bool) -> None:
    """Create the environment, then install the packages and, if asked, this application in place."""
    if sys.version_info < (3, 11):
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
    print(f"Setting up {venv} (about a minute, once)", flush=True)
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
    python = str(venv / "bin" / "python")
    print(f"Installing {what}", flush=True)
    if UV:
        # It has a progress bar of its own.
        command = [UV, "pip", "install", "--python", python, *([] if sys.stderr.isatty() else ["--quiet"]), *arguments]
        code, output = subprocess.run(command, check=False).returncode, []
    else:
        code, output = install_with_pip([python, "-m", "pip", "install", *arguments], total)
    if code:
        sys.exit("".join(output[-20:]) + f"{what} could not be installed: see above")


def install_with_pip(command: list[str], total: int) -> tuple[int, list[str]]:
    """Run pip, counting the packages that it names; returns its exit code and its output."""
    output, done = [], 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT) as pip:
        for line in pip.stdout or ():
            output.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                done += 1
                show_progress(f"{min(done, total)} of {total}", last=False, due=done % REPORT_EVERY == 0)
            elif line.startswith("Installing collected packages"):
                show_progress("downloaded, unpacking", last=False, due=True)
        code = pip.wait()
    show_progress("failed" if code else "done", last=True, due=True)
    return code, output


def show_progress(text: str, last: bool, due: bool) -> None:
    """Show how far it is: on one line of a terminal, else now and then on a line of its own."""
    if sys.stdout.isatty():
        print(f"\r  {text:<40}", end="\n" if last else "", flush=True)
    elif due:
        print(f"  {text}", flush=True)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its outputs joined."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=ENVIRONMENT
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--application" in sys.argv[3:])
