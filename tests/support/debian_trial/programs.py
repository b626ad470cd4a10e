"""Stand-ins of what a throwaway Debian lacks: systemd, apt-get (packages are there already) and git (no repository).

Linked under the names of the commands in the machine's /usr/local/sbin. Run by Debian's own Python.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS, PIDS, LOGS = Path("/etc/systemd/system"), Path("/run/trial"), Path("/var/log/trial")
# What the units say with ProtectSystem=strict, PrivateTmp and the like, as far as namespaces can.
CONFINE = """
set -e
mount --make-rprivate /
for folder in "$@"; do mount --bind "$folder" "$folder"; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /
"""
ENGINES = ("pg_ctlcluster 15 main start", "redis-server --daemonize yes --bind 127.0.0.1 --dir /var/lib/redis")


def as_petition(*command):
    rights = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
    return ["setpriv", "--reuid=petition", "--regid=petition", "--init-groups", *rights, *command]


def read_environment(path):
    lines = [line for line in Path(path).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def apt_get():
    """Start what Debian starts when it installs the packages."""
    for command in ENGINES:
        subprocess.run(shlex.split(command), check=True, stdout=subprocess.DEVNULL)


def git():
    """Lay the tree of a version, `/var/tmp/v0.1.0`, where a clone or a checkout would."""
    arguments = sys.argv[1:]
    version = next((word for word in arguments if re.fullmatch(r"v\d+\.\d+\.\d+", word)), None)
    if version:
        target = Path(arguments[1] if arguments[0] == "-C" else arguments[-1])
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(f"/var/tmp/{version}", target)


def systemd_run():
    """Run one command as the user and with the settings that the options name."""
    arguments = sys.argv[1:]
    start = next(n for n, word in enumerate(arguments) if word.startswith("/"))
    settings = next(word for word in arguments if word.startswith("EnvironmentFile=")).partition("=")[2]
    environ = {"PATH": os.environ["PATH"], **read_environment(settings)}
    sys.exit(subprocess.run(as_petition(*arguments[start:]), env=environ, check=False).returncode)


class Unit:
    """One service of a unit file."""

    def __init__(self, name):
        self.name = name
        before, _, instance = name.partition("@")
        path = UNITS / (f"{before}@.service" if instance else f"{name}.service")
        text = path.read_text().replace("%i", instance).replace("%H", os.uname().nodename)
        self.values = re.findall(r"^(\w+)=(.*)$", text, re.M)

    def get(self, name):
        return [value for key, value in self.values if key == name]

    def start(self):
        folders = [f"/run/{name}" for name in self.get("RuntimeDirectory")]
        folders += [f"/var/lib/{name}" for name in self.get("StateDirectory")]
        for folder in folders:
            Path(folder).mkdir(exist_ok=True)
            shutil.chown(folder, "petition", "petition")
        environ = {"PATH": os.environ["PATH"]}
        for line in self.get("Environment"):
            environ |= dict(pair.split("=", 1) for pair in line.split())
        environ |= read_environment(self.get("EnvironmentFile")[0])
        command = as_petition(*shlex.split(self.get("ExecStart")[0]))
        script = f"{CONFINE}cd {self.get('WorkingDirectory')[0]}\nexec {shlex.join(command)}"
        for folder in (PIDS, LOGS):
            folder.mkdir(exist_ok=True)
        with (LOGS / self.name).open("ab") as log:
            process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, "sh", *folders],
                env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        (PIDS / self.name).write_text(str(process.pid))

    def stop(self):
        path = PIDS / self.name
        if not path.exists():
            return
        pid = int(path.read_text())
        path.unlink()
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            ends = time.monotonic() + 60
            while time.monotonic() < ends and Path(f"/proc/{pid}/status").exists() and not is_zombie(pid):
                time.sleep(0.1)
            if not Path(f"/proc/{pid}").exists() or is_zombie(pid):
                return


def is_zombie(pid):
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def systemctl():
    """Start and stop the product's services; sockets, which keep an address open, are not played."""
    verb, *names = [word for word in sys.argv[1:] if not word.startswith("--")]
    units = [Unit(name) for name in names if not name.endswith(".socket")]
    for unit in units:
        if verb in ("stop", "restart"):
            unit.stop()
        if verb in ("start", "restart") or (verb == "enable" and "--now" in sys.argv):
            unit.start()


if __name__ == "__main__":
    {"apt-get": apt_get, "git": git, "systemctl": systemctl, "systemd-run": systemd_run}[Path(sys.argv[0]).name]()
