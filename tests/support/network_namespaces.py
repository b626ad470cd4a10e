"""Hosts on one machine: network namespaces that reach the services as other hosts would, and nothing else.

Servers listen on loopback only: a relay on each side forwards connections through a socket in a folder.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")


def can_create_namespaces():
    """Return whether namespaces can be created: as root, with iproute2."""
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

    def ip(self, *arguments):
        subprocess.run(["ip", "-n", self.name, *arguments], check=True)

    def relay(self, prefix, listen, connect):
        self.relays.append(subprocess.Popen([*prefix, sys.executable, str(RELAY), listen, connect]))

    def publish(self, port):
        """Forward this machine's port to the same port of the host's loopback."""
        self.relay(self.prefix, self._socket(port), str(port))
        self.relay((), str(port), self._socket(port))

    def close(self):
        for relay in self.relays:
            relay.terminate()
            relay.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], check=True)


class EngineHost(Host):
    """The host of the services: each other host reaches it over a link that can be cut on this side."""

    def serve(self, port, target):
        """Offer a port of this machine, or a socket, to the hosts that have a link."""
        if "/" not in target:
            self.relay((), self._socket(target), target)
            target = self._socket(target)
        self.relay(self.prefix, f"0.0.0.0:{port}", target)

    def connect_host(self, host, number):
        """Connect a host and return the address of the services on this link."""
        near, far = f"near{number}", f"far{number}"
        self.ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", host.name)
        for end, name, last in ((self, near, 1), (host, far, 2)):
            end.ip("addr", "add", f"10.77.{number}.{last}/30", "dev", name)
            end.ip("link", "set", name, "up")
        return f"10.77.{number}.1"

    def cut_link(self, number):
        """Cut a link: packets are lost silently."""
        self.ip("link", "set", f"near{number}", "down")

    def restore_link(self, number):
        self.ip("link", "set", f"near{number}", "up")
