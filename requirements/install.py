"""Create a virtual environment if there is none, and install locked packages into it.

    python3 install.py VENV REQUIREMENTS [--application]

Uses the standard library only. Whatever fails or is interrupted is repeated by the next run.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOOLS = Path(__file__).with_name("build.txt")  # uv, and what builds packages that come as source
ENVIRONMENT = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
REPORT_EVERY = 20  # packages, where the output is not a terminal
STARTED = time.monotonic()
NO_PIP = "Python's module ensurepip is missing. Install it, then repeat: apt-get install python3-venv"


def main(venv: Path, requirements: Path, application: bool) -> None:
    """Create the environment, then install the packages and, if asked, this application in place."""
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(
            f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. Name another: make PYTHON=python3.12"
        )
    if not is_usable(venv):
        create(venv)
    if not is_complete(venv, TOOLS):
        say("Installing uv, which installs the others")
        install_with_pip(venv, count(TOOLS), "--require-hashes", "-r", str(TOOLS))
    say(f"Installing {count(requirements)} packages")
    install(venv, count(requirements), "--no-build-isolation", "--require-hashes", "-r", str(requirements))
    if application:
        say("Installing the application")
        install(venv, 1, "--no-deps", "--no-build-isolation", "-e", ".")
    say(f"Done: {venv} is complete")


def say(text: str) -> None:
    """Print a step, with the seconds since the start."""
    print(f"{time.monotonic() - STARTED:4.0f} s  {text}", flush=True)


def is_usable(venv: Path) -> bool:
    """Say whether an environment is there and complete: its creation may have been interrupted."""
    python = venv / "bin" / "python"
    return python.exists() and run(str(python), "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)") == (0, "")


def create(venv: Path) -> None:
    """Create the environment, or leave none behind and say what to install."""
    say(f"Creating {venv}")
    if not find_pip():
        sys.exit(NO_PIP)
    # Without pip, whose installation would take longer than all others.
    code, output = run(sys.executable, "-m", "venv", "--without-pip", "--clear", str(venv))
    if code:
        shutil.rmtree(venv, ignore_errors=True)
        sys.exit(f"{venv} could not be created; python3-venv may be missing (apt-get install python3-venv): {output}")


def find_pip() -> str | None:
    """Return the path of the pip that comes with Python (ensurepip), which runs from its wheel; None without it."""
    found = importlib.util.find_spec("ensurepip")
    folders = (
        [Path(found.origin).parent / "_bundled", Path("/usr/share/python-wheels")] if found and found.origin else []
    )
    wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
    return f"{wheels[0]}/pip" if wheels else None


def count(requirements: Path) -> int:
    """Return how many packages a file of locked ones names."""
    return len(re.findall(r"^\w\S*==", requirements.read_text(encoding="utf-8"), re.MULTILINE))


def is_complete(venv: Path, requirements: Path) -> bool:
    """Say whether every package of a file is installed in its version."""
    wanted = re.findall(r"^(\w\S*)==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    folders = [path.name.lower() for path in venv.glob("lib/python*/site-packages/*.dist-info")]
    return all(f"{name.replace('-', '_')}-{version}.dist-info" in folders for name, version in wanted)


def install(venv: Path, total: int, *arguments: str) -> None:
    """Install packages with uv; where it fails with pip, whose configuration (of a mirror) uv does not read."""
    if install_with_uv(venv, *arguments):
        say("uv could not install them: trying pip, which takes longer")
        install_with_pip(venv, total, *arguments)


def install_with_uv(venv: Path, *arguments: str) -> int:
    """Run uv and show its progress bar, or outside of a terminal its steps; returns its exit code."""
    command = [venv / "bin" / "uv", "pip", "install", "--python", venv / "bin" / "python", *arguments]
    if sys.stderr.isatty():
        return subprocess.run(command, check=False).returncode
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith(" + "):  # one for each package
                print(f"        {line}", end="", flush=True)
    return process.returncode


def install_with_pip(venv: Path, total: int, *arguments: str) -> None:
    """Run pip, showing how many packages it has found and installed; ends with its output if it fails.

    Python compiles what it imports: compiling all files of all packages takes as long as installing them.
    """
    pip_path = find_pip()
    if not pip_path:
        sys.exit(NO_PIP)
    command = [str(venv / "bin" / "python"), pip_path, "install", "--no-compile", *arguments]
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
        if pip.returncode:
            sys.exit(f"{log.read()[-2000:]}\nThe packages could not be installed: see above")


def show_progress(venv: Path, output: str, total: int, shown: str) -> str:
    """Show how far pip is: on one line of a terminal, else now and then on a new line; returns what is shown."""
    if "\nInstalling collected packages" in output:
        step, done = "installed", len(list(venv.glob("lib/python*/site-packages/*.dist-info")))
    else:
        step, done = "downloaded", len(re.findall(r"^(?:Collecting |Requirement already)", output, re.MULTILINE))
    every = 1 if sys.stdout.isatty() else REPORT_EVERY
    text = f"        {step} {min(done, total) // every * every} of {total}"
    if text != shown:
        print(f"\r{text:<40}" if every == 1 else text, end="" if every == 1 else "\n", flush=True)
    return text


def run(*command: str) -> tuple[int, str]:
    """Run a command to its end; return its exit code and its outputs, joined."""
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=ENVIRONMENT
    )
    return ended.returncode, ended.stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--application" in sys.argv[3:])
