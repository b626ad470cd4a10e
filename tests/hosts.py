"""A second host on one machine: a network of its own, that reaches the engines as another host would, and no further.

Servers listen on loopback only: a relay on each side hands connections on through a socket in a folder.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")


def are_possible():
    """Say whether networks can be made here: as root, with iproute2."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    probe = f"petition-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe], check=False)
    return made


class Host:
    """A network namespace in which processes see this machine's ports as their own loopback's."""

    def __init__(self, name, folder, ports):
        self.name, self.prefix, self.relays = name, ("ip", "netns", "exec", name), []
        subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run([*self.prefix, "ip", "link", "set", "lo", "up"], check=True)
        for port in ports:
            path = str(folder / f"{name}-{port}.sock")
            self._relay((), path, str(port))
            self._relay(self.prefix, str(port), path)

    def _relay(self, prefix, listen, connect):
        self.relays.append(subprocess.Popen([*prefix, sys.executable, str(RELAY), listen, connect]))

    def close(self):
        for relay in self.relays:
            relay.terminate()
            relay.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], check=True)
