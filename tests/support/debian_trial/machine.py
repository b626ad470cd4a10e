"""A throwaway Debian on this machine: its own files over those that are here, its own network and processes.

For a process of its own namespaces: `unshare --mount --pid --fork --kill-child --mount-proc`.
"""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs.py")
CLONE_NEWNET = 0x40000000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A command of the documents that failed, with its output."""


class Machine:
    """Runs shell commands as root of the throwaway machine."""

    def __init__(self, folder):
        self.root = folder / "root"
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir=/,upperdir={folder}/upper,workdir={folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=True)
        for command in (
            ("mount", "-t", "proc", "proc", self.root / "proc"),
            ("mount", "--rbind", "/dev", self.root / "dev"),
            ("mount", "-t", "tmpfs", "tmpfs", self.root / "run"),
        ):
            subprocess.run(command, check=True)
        shutil.rmtree(self.root / "etc/systemd/system", ignore_errors=True)
        for name in ("etc/systemd/system", "usr/local/sbin", "var/tmp", "run/postgresql", "run/lock"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        shutil.chown(self.root / "run/postgresql", "postgres", "postgres")
        for name in ("apt-get", "git", "systemctl", "systemd-run"):
            (self.root / "usr/local/sbin" / name).unlink(missing_ok=True)
            shutil.copy(PROGRAMS, self.root / "usr/local/sbin" / name)
            text = (self.root / "usr/local/sbin" / name).read_text()
            (self.root / "usr/local/sbin" / name).write_text(f"#!/usr/bin/python3\n{text}")
            (self.root / "usr/local/sbin" / name).chmod(0o755)
        self.outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        _check(libc.unshare(CLONE_NEWNET))
        self.inside = os.open("/proc/self/ns/net", os.O_RDONLY)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def write(self, path, text):
        """Write a file of the machine."""
        (self.root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path.lstrip("/")).write_text(text)

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text(errors="replace")

    def shell(self, commands, directory="/root"):
        """Run commands with bash, each of which must succeed; returns their output. Only pip reaches the network."""
        online = "/pip install" in commands
        if online and "\n" in commands.strip():
            # Line by line, or what the others start would be on the outer network too.
            return "".join(self.shell(line, directory) for line in commands.strip().splitlines())
        _check(libc.setns(self.outside if online else self.inside, CLONE_NEWNET))
        environ = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
        environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_") and online}
        try:
            ended = subprocess.run(
                ["chroot", self.root, "bash", "-e", "-c", f"cd {directory}\n{commands}"],
                env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
            )  # fmt: skip
        finally:
            _check(libc.setns(self.inside, CLONE_NEWNET))
        if ended.returncode:
            raise CommandFailed(f"{commands}\n→ {ended.returncode}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")
        return ended.stdout


def _check(result):
    if result:
        raise OSError(ctypes.get_errno(), "namespaces cannot be made here")


def read_blocks(markdown, language="sh"):
    """Return the blocks of commands of a document, in order, without their indentation."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", markdown, re.M | re.S)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in blocks]
