"""Workers of two hosts at once: no recipient twice; a pause stops both, and resuming finishes exactly."""

import os
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import support.network_namespaces
from sqlalchemy import func, select, text
from support.factories import make_mailing, make_petition, make_signature
from support.waiting import wait_for

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Attempt, Delivery
from petition.mailings import actions, lifecycle
from petition.mailings.models import Mailing

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("mailing hosts")]
RECIPIENTS = 2000


def ask(query):
    db.session.rollback()
    return db.session.scalar(query)


def in_state(state):
    return ask(select(func.count()).where(Delivery.state == state))


@pytest.fixture(params=["processes", "networks"])
def second_host(request, tmp_path, broker, mail_server):
    """Yield the command that puts a process on the second host."""
    if request.param == "processes":
        yield ()
        return
    if not support.network_namespaces.can_create_namespaces():
        pytest.skip("needs network namespaces: run as root, apt-get install iproute2")
    ports = [urlsplit(broker.url).port, mail_server.controller.port]
    host = support.network_namespaces.Host(f"petition{os.getpid()}", tmp_path, ports)
    yield host.prefix
    host.close()


def test_two_hosts_share_a_mailing(app_processes, mail_server, second_host, monkeypatch):
    monkeypatch.setattr(actions, "_require_tested", lambda _: None)  # no test email was sent
    petition = make_petition()
    first = make_signature(petition, email="s0@example.org", state="confirmed", updates=True)
    db.session.execute(
        text("""
        INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates,
                                source, generation, valid_from, confirmed_at)
        SELECT petition_id, party, state, name, 's' || n || '@example.org', 's' || n || '@example.org', locale, listed,
               updates, source, generation, valid_from, confirmed_at
        FROM signatures, generate_series(1, :n) AS n WHERE id = :first"""),
        {"n": RECIPIENTS - 1, "first": first.id},
    )
    db.session.query(Delivery).delete()
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1))
    number, mail_server.delay = mailing.id, 0.005
    db.session.commit()
    app_processes.worker(name="one")
    app_processes.worker(name="two", within=second_host)
    app_processes.beat()

    wait_for(lambda: len(mail_server.accepted) > RECIPIENTS / 4, 60, "a quarter of the mailing")
    actions.pause(lifecycle.find(number, lock=True), "a test")
    db.session.commit()
    wait_for(lambda: in_state("sending") == 0, 30, "the end of the current claims")
    sent_when_paused = len(mail_server.accepted)
    assert sent_when_paused < RECIPIENTS
    tick = select(func.max(text("seen_at"))).select_from(text("heartbeats WHERE part = 'beat'"))
    for _ in range(3):
        before = ask(tick)
        wait_for(lambda before=before: ask(tick) != before, 30, "another tick of beat")
    assert len(mail_server.accepted) == sent_when_paused == in_state("sent")
    actions.resume(lifecycle.find(number, lock=True))
    db.session.commit()
    wait_for(lambda: ask(select(Mailing.state)) == "sent", 90, "the end of the mailing")
    assert Counter(mail_server.addresses) == Counter(f"s{n}@example.org" for n in range(RECIPIENTS))
    assert in_state("sent") == RECIPIENTS
    processes = {worker.split("/")[1] for worker in db.session.scalars(select(Attempt.worker).distinct())}
    assert len(processes) == 2, "both took part"
