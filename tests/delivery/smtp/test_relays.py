"""Several relays: by share, by provider, and one that is in trouble is stood in for."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import func
from support.ports import free_port
from support.smtp_server import SmtpServer

from petition.core.db import db
from petition.core.settings.mail_relays import parse_relay
from petition.delivery.models import Pause
from petition.delivery.smtp import relays
from petition.delivery.worker import run_queue
from petition.operations.health.evaluation import evaluate_health
from petition.operations.probes.smtp_probe import probe_mail_server
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.snapshot import read_facts


@pytest.fixture
def servers(app, monkeypatch):
    """Return two mail servers, and a function that makes them the relays, each with its options."""
    servers = [SmtpServer().start(free_port()) for _ in range(2)]
    for server in servers:
        server.pipelining = True

    def configure(*options):
        urls = [
            f"smtp://127.0.0.1:{server.controller.port}?{each}" for server, each in zip(servers, options, strict=True)
        ]
        monkeypatch.setitem(app.config, "MAIL_RELAYS", [parse_relay(url) for url in urls])
        relays.init_app(app)
        relays.expire()
        return servers

    before = app.extensions["petition.relays"]
    yield configure
    app.extensions["petition.relays"] = before
    for server in servers:
        server.stop()


def make_due(wait=timedelta(0)):
    """Have all pauses end in so long from now."""
    db.session.query(Pause).update({"until": func.now() + wait})
    db.session.commit()
    relays.expire()


def scopes():
    db.session.rollback()
    return [pause.scope for pause in db.session.query(Pause).order_by(Pause.scope)]


def test_emails_are_shared_as_the_shares_say(servers, enqueue_confirmations):
    one, two = servers("share=3", "share=1")
    random.seed(1)  # one order of tests in a hundred draws shares that are not those asked for
    for n in range(24):
        enqueue_confirmations(f"s{n}@example.org")
        run_queue("confirmations")
    assert len(one.addresses) + len(two.addresses) == 24
    assert 1 <= len(two.addresses) < len(one.addresses)


def test_relay_without_a_share_only_stands_in(servers, enqueue_confirmations):
    one, two = servers("share=1", "share=0")
    for n in range(8):
        enqueue_confirmations(f"s{n}@example.org")
        run_queue("confirmations")
    assert (len(one.addresses), len(two.addresses)) == (8, 0)


def test_relay_gets_the_emails_of_its_providers_alone(servers, enqueue_confirmations, rows):
    one, two = servers("share=1", "providers=orange.fr+free.fr")
    mixed = [f"s{n}@{domain}" for n, domain in enumerate(["wanadoo.fr", "example.org", "example.org", "free.fr"] * 3)]
    enqueue_confirmations(*mixed)
    run_queue("confirmations")
    assert sorted(two.addresses) == sorted(to for to in mixed if to.endswith(".fr"))
    assert sorted(one.addresses) == sorted(to for to in mixed if to.endswith("example.org"))
    assert {(row.state, row.attempt) for row in rows()} == {("sent", 1)}


@pytest.mark.parametrize("trouble", ["down", "refuses everything"])
def test_other_relay_takes_over_and_gives_back(servers, enqueue_confirmations, rows, trouble):
    one, two = servers("share=1", "share=0")
    port = one.controller.port
    enqueue_confirmations(*(f"s{n}@example{n}.org" for n in range(12)))
    if trouble == "down":
        one.stop()
    else:
        one.on_rcpt = lambda address: "421 4.3.2 closing"
    run_queue("confirmations")
    assert len(two.addresses) == (12 if trouble == "down" else 10), "at once; what was refused waits its own backoff"
    assert {row.attempt for row in rows()} == {1}
    assert scopes() == ["server 1"]
    if trouble == "down":
        told = " ".join(reason.message() for reason in evaluate_health(read_facts(), BrokerStats()).reasons)
        assert f"A relay does not work, others take over: 127.0.0.1:{port}" in told
    make_due(timedelta(minutes=10))  # a busy machine would try it again by now
    enqueue_confirmations("during@example.org")
    run_queue("confirmations")
    assert "during@example.org" in two.addresses
    if trouble == "down":
        one.start(port)
    one.on_rcpt = lambda address: None
    make_due()
    enqueue_confirmations("after@example.org")
    run_queue("confirmations")
    assert "after@example.org" in one.addresses
    assert scopes() == []


def test_one_worker_alone_tries_a_relay_that_rested(servers, enqueue_confirmations):
    servers("share=1", "share=1")
    db.session.add(Pause(scope="server 1", reason="down", strikes=3, until=func.now() - timedelta(seconds=1)))
    db.session.commit()
    assert [relays.read_backing_off() for _ in range(3)] == [set(), {"server 1"}, {"server 1"}]


def test_sending_stops_when_all_relays_are_backed_off_from(servers, enqueue_confirmations, rows):
    one, two = servers("share=1", "share=1")
    ports = [server.controller.port for server in (one, two)]
    for server in (one, two):
        server.stop()
    enqueue_confirmations("zoe@example.org")
    run_queue("confirmations")
    assert scopes() == ["server", "server 1", "server 2"]
    assert [(row.state, row.attempt) for row in rows()] == [("deferred", 0)]
    for server, port in zip((one, two), ports, strict=True):
        server.start(port)
    make_due()
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["sent"]
    assert "server" not in scopes()


def test_probe_names_the_relay_that_does_not_answer(servers):
    _, two = servers("share=1", "share=1")
    port = two.controller.port
    two.stop()
    probe_mail_server()
    db.session.commit()
    assert not read_facts().probe.ok
    assert f"127.0.0.1:{port}" in read_facts().probe.response
    two.start(port)
