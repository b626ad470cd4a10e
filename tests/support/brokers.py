"""Brokers of larger deployments on the loopback: RabbitMQ, and Valkey with a replica and Sentinels."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import redis
from support.ports import free_port
from support.waiting import wait_for

from petition.local_stack.valkey import _find_binary

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
SENTINEL_MASTER_NAME = "petition"
PASSWORD = "a/b:c@d"  # must be quoted in a URL


def rabbitmq_is_installed():
    """Say whether Debian's rabbitmq-server is installed."""
    return RABBITMQ.exists() and shutil.which("erl") is not None


class RabbitMQ:
    """One node, with a name, a folder, a cookie and an epmd of its own."""

    def __init__(self, folder):
        self.folder, self.port, self.processes, self.earlier = folder, free_port(), [], 0
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        epmd, distribution = free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "advanced.config").write_text("[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n")
        self.environ = {
            "PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_NODENAME": f"petition{self.port}@localhost", "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"), "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        }  # fmt: skip
        self._epmd(epmd)

    def _epmd(self, port):
        epmd = shutil.which("epmd") or str(next(Path("/usr/lib/erlang").glob("erts-*/bin/epmd")))
        self.processes.append(subprocess.Popen([epmd, "-address", "127.0.0.1", "-port", str(port)]))

    def start(self):
        with (self.folder / "rabbitmq.log").open("a") as log:
            self.node = subprocess.Popen(
                [str(RABBITMQ)], env=self.environ, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self._is_started, 180, "RabbitMQ")

    def _is_started(self):
        assert self.node.poll() is None, self.log
        # It accepts connections earlier, but until it says so the queues have no leaders.
        return self._starts() > self.earlier

    @property
    def log(self):
        """The output of the node."""
        return (self.folder / "rabbitmq.log").read_text()

    def _starts(self):
        return self.log.count("Server startup complete")

    def kill(self):
        """Kill the node, as a power cut would."""
        os.killpg(self.node.pid, signal.SIGKILL)
        self.node.wait(10)
        self.earlier = self._starts()

    def stop(self):
        if self.node.poll() is None:
            self.kill()
        for process in self.processes:
            process.kill()
            process.wait(120)


class SentinelCluster:
    """A primary, a replica, and three Sentinels that agree by two to make the replica primary."""

    def __init__(self, folder):
        self.folder, self.servers, self.sentinels = folder, [free_port(), free_port()], [free_port() for _ in range(3)]
        self.running = {}
        for port in self.servers:
            self.start(port)
        for port in self.sentinels:
            self._start_sentinel(port)
        wait_for(lambda: self._know_each_other(), 90, "Sentinels that know each other and the replica")

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"sentinel://:{quote(PASSWORD, safe='')}@{hosts}/{SENTINEL_MASTER_NAME}/0"

    def start(self, port):
        """Start a server; all but the first begin as a replica of it."""
        arguments = [
            "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--repl-diskless-sync-delay", "0", "--requirepass", PASSWORD, "--masterauth", PASSWORD,
        ]  # fmt: skip
        if port != self.servers[0]:
            arguments += ["--replicaof", "127.0.0.1", str(self.servers[0])]
        folder = self.folder / str(port)
        folder.mkdir(exist_ok=True)
        self._spawn(port, [*arguments, "--dir", str(folder)])

    def _start_sentinel(self, port):
        folder = self.folder / str(port)
        folder.mkdir()
        (folder / "sentinel.conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {SENTINEL_MASTER_NAME} 127.0.0.1 {self.servers[0]} 2\n"
            f"sentinel auth-pass {SENTINEL_MASTER_NAME} {PASSWORD}\n"
            f"sentinel down-after-milliseconds {SENTINEL_MASTER_NAME} 2000\n"
            f"sentinel failover-timeout {SENTINEL_MASTER_NAME} 10000\n"
        )
        self._spawn(port, [str(folder / "sentinel.conf"), "--sentinel"])

    def _spawn(self, port, arguments):
        with (self.folder / f"{port}.log").open("a") as log:
            self.running[port] = subprocess.Popen([str(_find_binary()), *arguments], stdout=log, stderr=log)

    def _know_each_other(self):
        try:
            for port in self.sentinels:
                known = redis.Redis(port=port).sentinel_masters()[SENTINEL_MASTER_NAME]
                if (known["num-slaves"], known["num-other-sentinels"]) != (1, 2):
                    return False
        except redis.RedisError:
            return False
        return True

    def primary(self):
        """Return the port of the server that the Sentinels name."""
        return int(redis.Redis(port=self.sentinels[0]).sentinel_get_master_addr_by_name(SENTINEL_MASTER_NAME)[1])

    def client(self, port):
        """Return a client of one server."""
        return redis.Redis(port=port, password=PASSWORD, socket_timeout=2, retry=None)

    def kill(self, port):
        process = self.running.pop(port)
        process.kill()
        process.wait(120)

    def stop(self):
        for port in list(self.running):
            self.kill(port)
