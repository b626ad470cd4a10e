"""Valkey with a replica and three Sentinels: signing goes on while the primary is killed or hangs, and mail follows."""

import os
import signal
import time

import pytest
import redis
from support.brokers import SentinelCluster
from support.factories import make_petition
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("sentinel")]
FAILOVER_SECONDS = 60.0  # seconds: the Sentinels take 2 to be sure and some more to agree, then a worker finds its way


@pytest.fixture
def sentinel_cluster(tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    found = SentinelCluster(folder)
    yield found
    found.stop()


def take_down(sentinel_cluster, port, how):
    """Take a server away, killed or hanging; returns how to bring it back."""
    if how == "killed":
        sentinel_cluster.kill(port)
        return lambda: sentinel_cluster.start(port)
    pid = sentinel_cluster.running[port].pid
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_a_failover_of_the_broker_and_of_the_limits(app_processes, sentinel_cluster, mail_server, how):
    app_processes.environ |= {"REDIS_URL": sentinel_cluster.url, "PETITION_SIGN_LIMIT": "5/minute"}
    make_petition()
    app_processes.web()
    app_processes.worker()
    app_processes.beat()
    numbers = iter(range(1000))

    def sign(network=None):
        n = next(numbers)
        form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
        return n, app_processes.site.request(
            "POST", "/p/jardin/sign", form=form, network=n if network is None else network
        ).status

    def mailed(n):
        return f"s{n}@example.org" in mail_server.addresses

    assert sign() == (0, 303)
    wait_for(lambda: mailed(0), 30, "the first email")
    assert [sign(network=249)[1] for _ in range(6)] == [303] * 5 + [429], "the limits are stored there"
    assert sentinel_cluster.client(sentinel_cluster.primary()).dbsize() > 0
    wait_for(lambda: app_processes.site.get("/readyz").json["status"] == "ok", 60, "all parts well")

    before, began = sentinel_cluster.primary(), time.monotonic()
    bring_back = take_down(sentinel_cluster, before, how)
    accepted = [sign() for _ in range(10)]
    assert {status for _, status in accepted} == {303}
    wait_for(lambda: sentinel_cluster.primary() != before, FAILOVER_SECONDS, "the failover")
    took = {"primary changed": time.monotonic() - began}
    wait_for(lambda: all(mailed(n) for n, _ in accepted), FAILOVER_SECONDS, "the emails enqueued meanwhile")
    took["emails flow"] = time.monotonic() - began
    wait_for(lambda: app_processes.site.get("/readyz").json["status"] == "ok", FAILOVER_SECONDS, "all parts well again")
    took["all parts well"] = time.monotonic() - began
    print(f"primary {how}:", {what: f"{seconds:.1f} s" for what, seconds in took.items()})

    bring_back()
    wait_for(lambda: role(sentinel_cluster.client(before)) == "slave", FAILOVER_SECONDS, "the former primary following")
    later, status = sign()
    assert status == 303
    wait_for(lambda: mailed(later), 30, "an email by the new primary")
    # The same place answers limits again, on the new primary.
    assert 429 in [sign(network=248)[1] for _ in range(6)]


def role(server):
    try:
        return server.info("replication")["role"]
    except redis.RedisError:
        return None
