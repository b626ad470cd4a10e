"""RabbitMQ as the broker, with quorum queues; Valkey stores the wake-up flags and the limits."""

import os
import signal
import time

import pytest
from amqp.exceptions import ChannelError
from kombu import Connection
from support.brokers import RabbitMQ, rabbitmq_is_installed
from support.factories import make_petition
from support.waiting import wait_for

from petition.delivery.queues import QUEUE_NAMES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.journey,
    pytest.mark.xdist_group("rabbitmq"),
    pytest.mark.skipif(not rabbitmq_is_installed(), reason="needs RabbitMQ: apt-get install rabbitmq-server"),
]


@pytest.fixture
def rabbitmq(tmp_path):
    folder = tmp_path / "rabbitmq"
    folder.mkdir()
    node = RabbitMQ(folder)
    node.start()
    yield node
    node.stop()


def sign(app_processes, n):
    form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
    return app_processes.site.request("POST", "/p/jardin/sign", form=form, network=n).status


def broker_seen(app_processes):
    return app_processes.site.get("/readyz").json["parts"]["broker"]


def test_the_loop_by_rabbitmq_which_is_killed_and_hangs(app_processes, rabbitmq, mail_server):
    app_processes.environ |= {"BROKER_URL": rabbitmq.url, "PATH": os.environ["PATH"]}
    make_petition()
    app_processes.web()
    # No queue is declared yet: nothing waits there, and that is no error.
    assert broker_seen(app_processes) == "ok"
    assert app_processes.petition("queue").returncode in (0, 1, 2)
    app_processes.worker()
    app_processes.beat()

    def mailed(n):
        return f"s{n}@example.org" in mail_server.addresses

    assert sign(app_processes, 0) == 303
    wait_for(lambda: mailed(0), 10, "the first email")
    with Connection(rabbitmq.url) as connection:
        with pytest.raises(ChannelError):  # of tasks with a countdown: there is none
            connection.channel().exchange_declare("celery_delayed_27", "topic", passive=True)
        for queue in QUEUE_NAMES:
            arguments = {"x-queue-type": "quorum"}
            # Refused if it had been declared as anything else.
            connection.channel().queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
    metrics = app_processes.site.get("/metrics").text
    assert 'petition_broker_messages{queue="confirmations"}' in metrics
    assert "petition_broker_up 1.0" in metrics
    assert "petition_broker_memory_bytes" not in metrics, "RabbitMQ does not report it"

    app_processes.end("beat")
    app_processes.end("worker")
    for name in ("worker", "beat"):  # nothing in the libraries' own words
        written = app_processes.log(name).read_text()
        for words in ("will block", "native delayed", "Warm shutdown", "Requeuing", "Restoring", "unacknowledged"):
            assert words not in written, words
    assert sign(app_processes, 1) == 303
    waiting = 'petition_broker_messages{queue="confirmations"} 1.0'
    wait_for(lambda: waiting in app_processes.site.get("/metrics").text, 10, "a message that waits")
    rabbitmq.kill()
    assert [sign(app_processes, n) for n in range(2, 8)] == [303] * 6
    assert broker_seen(app_processes).startswith("unreachable")
    rabbitmq.start()
    app_processes.worker()
    app_processes.beat()
    wait_for(lambda: all(mailed(n) for n in range(1, 8)), 30, "the emails enqueued while the broker was gone")

    os.killpg(rabbitmq.node.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert [sign(app_processes, n) for n in range(8, 14)] == [303] * 6
    print(f"six signatures while the broker hangs: {time.monotonic() - began:.1f} s")
    wait_for(lambda: broker_seen(app_processes).startswith("unreachable"), 20, "the hanging broker being reported")
    os.killpg(rabbitmq.node.pid, signal.SIGCONT)
    wait_for(lambda: all(mailed(n) for n in range(8, 14)), 60, "the emails enqueued while the broker hung")
    assert broker_seen(app_processes) == "ok"
    assert len(mail_server.addresses) == 14
