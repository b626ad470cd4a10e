"""RabbitMQ as the broker, its queues replicated ones; Valkey keeps the doorbell's flag and the limits."""

import os
import signal
import time

import pytest
from brokers import RabbitMQ, rabbitmq_is_here
from factories import make_petition
from kombu import Connection
from running import wait_for

from petition.delivery.lanes import QUEUES

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("rabbitmq"),
    pytest.mark.skipif(not rabbitmq_is_here(), reason="needs Debian's rabbitmq-server"),
]


@pytest.fixture
def rabbitmq(tmp_path):
    folder = tmp_path / "rabbitmq"
    folder.mkdir()
    node = RabbitMQ(folder)
    node.start()
    yield node
    node.stop()


def sign(parts, n):
    form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
    return parts.site.ask("POST", "/p/jardin/sign", form=form, network=n).status


def broker_seen(parts):
    return parts.site.get("/readyz").json["parts"]["broker"]


def test_the_loop_by_rabbitmq_which_is_killed_and_hangs(parts, rabbitmq, mail_server):
    parts.environ |= {"BROKER_URL": rabbitmq.url, "PATH": os.environ["PATH"]}
    make_petition()
    parts.web()
    # No queue is declared yet: nothing waits there, and that is no error.
    assert broker_seen(parts) == "ok"
    assert parts.petition("queue").returncode in (0, 1, 2)
    parts.worker()
    parts.beat()

    def mailed(n):
        return f"s{n}@example.org" in mail_server.addresses

    assert sign(parts, 0) == 303
    wait_for(lambda: mailed(0), 10, "the first email")
    with Connection(rabbitmq.url) as connection:
        for queue in QUEUES:
            arguments = {"x-queue-type": "quorum"}
            # Refused if it had been declared as anything else.
            connection.channel().queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
    metrics = parts.site.get("/metrics").text
    assert 'petition_broker_rings{lane="confirmations"}' in metrics
    assert "petition_broker_up 1.0" in metrics
    assert "petition_broker_memory_bytes" not in metrics, "what RabbitMQ does not tell is left out"

    parts.end("beat")
    parts.end("worker")
    assert sign(parts, 1) == 303
    rings = 'petition_broker_rings{lane="confirmations"} 1.0'
    wait_for(lambda: rings in parts.site.get("/metrics").text, 10, "a ring that waits")
    rabbitmq.kill()
    assert [sign(parts, n) for n in range(2, 8)] == [303] * 6
    assert broker_seen(parts).startswith("unreachable")
    rabbitmq.start()
    parts.worker()
    parts.beat()
    wait_for(lambda: all(mailed(n) for n in range(1, 8)), 30, "the emails owed while the broker was gone")

    os.killpg(rabbitmq.node.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert [sign(parts, n) for n in range(8, 14)] == [303] * 6
    print(f"six signatures while the broker hangs: {time.monotonic() - began:.1f} s")
    wait_for(lambda: broker_seen(parts).startswith("unreachable"), 20, "a broker that hangs being told")
    os.killpg(rabbitmq.node.pid, signal.SIGCONT)
    wait_for(lambda: all(mailed(n) for n in range(8, 14)), 60, "the emails owed while the broker hung")
    assert broker_seen(parts) == "ok"
    assert len(mail_server.addresses) == 14
