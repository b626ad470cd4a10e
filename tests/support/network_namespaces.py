"""Hosts on one machine: networks of their own, that reach the engines as other hosts would, and no further.

Servers listen on loopback only: a relay on each side hands connections on through a socket in a folder.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")


def can_create_namespaces():
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
        self.name, self.folder, self.prefix, self.relays = name, folder, ("ip", "netns", "exec", name), []
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link", "set", "lo", "up")
        for port in ports:
            path = self._socket(port)
            self.relay((), path, str(port))
            self.relay(self.prefix, str(port), path)

    def _socket(self, port):
        return str(self.folder / f"{self.name}-{port}.sock")

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    def relay(self, prefix, listen, connect):
        self.relays.append(subprocess.Popen([*prefix, sys.executable, str(RELAY), listen, connect]))

    def publish(self, port):
        """Have this machine's port lead to the same port of the host's loopback."""
        self.relay(self.prefix, self._socket(port), str(port))
        self.relay((), str(port), self._socket(port))

    def close(self):
        for relay in self.relays:
            relay.terminate()
            relay.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], check=True)


class EngineHost(Host):
    """Where the engines stand: hosts reach them over a cable each, that can be cut on the engines' side."""

    def serve(self, port, target):
        """Offer a port of this machine, or a socket, to the hosts that have a cable."""
        if "/" not in target:
            self.relay((), self._socket(target), target)
            target = self._socket(target)
        self.relay(self.prefix, f"0.0.0.0:{port}", target)

    def connect_host(self, host, number):
        """Lay a cable to a host and return the address that the engines have at its other end."""
        near, far = f"near{number}", f"far{number}"
        self.ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", host.name)
        for end, name, last in ((self, near, 1), (host, far, 2)):
            end.ip("addr", "add", f"10.77.{number}.{last}/30", "dev", name)
            end.ip("link", "set", name, "up")
        return f"10.77.{number}.1"

    def cut_link(self, number):
        """Take a cable out: what is sent is lost without a word."""
        self.ip("link", "set", f"near{number}", "down")

    def join(self, number):
        self.ip("link", "set", f"near{number}", "up")
