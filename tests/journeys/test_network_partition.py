"""Two hosts share the engines; one is cut off in the middle of sending, and joined again."""

import itertools
import os
import threading
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import pytest
import support.network_namespaces
from sqlalchemy import func, select, text
from support.app_processes import AppProcesses
from support.factories import make_mailing, make_petition, make_signature
from support.waiting import wait_for

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Attempt, Delivery
from petition.delivery.queues import MAILINGS
from petition.mailings.models import Mailing
from petition.petitions.counters import get_count
from petition.signatures.models import Signature

pytestmark = [
    pytest.mark.slow,
    pytest.mark.journey,
    pytest.mark.xdist_group("two hosts"),
    pytest.mark.skipif(
        not support.network_namespaces.can_create_namespaces(),
        reason="needs network namespaces: run as root, apt-get install iproute2",
    ),
]
RECIPIENTS, BACKLOG = 600, 300
DATABASE, BROKER, MAIL = 5432, 6379, 25
THREADS, BEGUN = 4, MAILINGS.max_begin_batch_size  # of a worker; emails of a mailing that one thread has begun at most


class HostProcesses(AppProcesses):
    """The application's processes on one host."""

    def __init__(self, host, folder, *where):
        super().__init__(folder, *where)
        self.host = host
        host.publish(self.port)

    def start(self, name, *command, within=()):
        super().start(name, *command, within=self.host.prefix)


class Signers(threading.Thread):
    """People who sign by one host's pages, one after the other, until told to stop."""

    numbers = itertools.count()

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.accepted, self.refused, self.ends = site, [], [], threading.Event()

    def run(self):
        while not self.ends.wait(0.05):
            n = next(self.numbers)
            try:
                form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
                status = self.site.request("POST", "/p/jardin/sign", form=form, network=n).status
            except OSError:
                status = None
            if status == 303:
                self.accepted.append(f"s{n}@example.org")
            else:
                self.refused.append(status)

    def end(self):
        self.ends.set()
        self.join(60)


@pytest.fixture
def engine_host(tmp_path):
    """Yield the room of the engines; its cables 1 and 2 lead to the first host, 3 and 4 to the second."""
    room = support.network_namespaces.EngineHost(f"pt-room-{os.getpid()}", tmp_path, ())
    yield room
    room.close()


@pytest.fixture
def two_hosts(no_idle_timeout, engine_host, tmp_path, database_url, broker, mail_server):
    """Yield the application on two hosts, started, whose engines and whose mail server come by a cable each."""
    url = urlsplit(database_url)
    socket = f"{unquote(url.query.removeprefix('host='))}/.s.PGSQL.5432"
    engine_host.serve(DATABASE, socket)
    engine_host.serve(BROKER, str(urlsplit(broker.url).port))
    engine_host.serve(MAIL, str(mail_server.controller.port))
    found = []
    for number, name in ((1, "a"), (3, "b")):
        folder = tmp_path / name
        folder.mkdir()
        host = support.network_namespaces.Host(f"pt-{name}-{os.getpid()}", tmp_path, ())
        engines, mail = engine_host.connect_host(host, number), engine_host.connect_host(host, number + 1)
        database = f"postgresql://petition@{engines}:{DATABASE}{quote(url.path)}"
        parts = HostProcesses(host, folder, database, f"redis://{engines}:{BROKER}/0", MAIL)
        parts.environ["MAIL_SERVER"] = mail
        found.append(parts)
    yield found
    for parts in found:
        parts.stop()
        parts.host.close()


def ask(query):
    db.session.rollback()
    return db.session.scalar(query)


def make_recipients():
    """Make the confirmed signers of another petition, who agreed to updates."""
    petition = make_petition(slug="autre")
    first = make_signature(petition, email="r0@example.org", state="confirmed", updates=True)
    db.session.execute(
        text("""
        INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates,
                                source, generation, valid_from, confirmed_at)
        SELECT petition_id, party, state, name, 'r' || n || '@example.org', 'r' || n || '@example.org', locale, listed,
               updates, source, generation, valid_from, confirmed_at
        FROM signatures, generate_series(1, :n) AS n WHERE id = :first"""),
        {"n": RECIPIENTS - 1, "first": first.id},
    )
    db.session.query(Delivery).delete()
    db.session.commit()
    return petition


def belongs_to_host(app_processes, model):
    """Return a condition on rows of a table: a worker of this host has them."""
    column = model.claimed_by if model is Delivery else model.worker
    pids = [str(process.pid) for name, process in app_processes.running.items() if name.startswith("worker")]
    return func.split_part(column, "/", 2).in_(pids)


@pytest.mark.parametrize("lost", ["the engines", "everything"])
def test_partitioned_host_loses_nothing_and_rejoins(two_hosts, engine_host, mail_server, lost):
    a, b = two_hosts
    readers, petition = make_recipients(), make_petition()
    backlog = [make_signature(petition, email=f"b{n}@example.org").email for n in range(BACKLOG)]
    soon = clock.now() - timedelta(seconds=1)
    mailing = make_mailing(readers, state="scheduled", send_at=soon, failure_limit=50).id
    mail_server.delay = 1.0  # until the cut: so long that both kinds of email are under way at one moment
    a.web(), b.web()
    a.worker(), a.beat()
    b.worker("mailings", "worker-mailings"), b.worker("confirmations", "worker-confirmations")
    at_a, at_b = Signers(a.site), Signers(b.site)
    at_a.start(), at_b.start()

    def b_has(what):
        return ask(select(Delivery.id).where(Delivery.state == "sending", belongs_to_host(b, Delivery), what).limit(1))

    is_link = Delivery.queue == "confirmations"
    wait_for(lambda: b_has(is_link) and b_has(Delivery.begun), 120, "both kinds of email in the second host's hands")
    for cable in (3,) if lost == "the engines" else (3, 4):
        engine_host.cut_link(cable)
    mail_server.delay = 0.05
    began = time.monotonic()

    def told(what):
        print(f"{time.monotonic() - began:5.1f} s: {what}")

    db.session.rollback()
    held = set(db.session.scalars(select(Delivery.id).where(Delivery.state == "sending", belongs_to_host(b, Delivery))))
    before, confirmed = len(at_a.accepted), set()
    assert held, "it was cut off in the middle"

    def mailed(addresses):
        return set(addresses) <= set(mail_server.addresses)

    wait_for(lambda: len(at_a.accepted) > before + 20, 60, "the first host going on")
    wait_for(lambda: mailed(at_a.accepted[before : before + 20]), 60, "the links of those who signed there since")
    told("twenty more have signed at the first host and been mailed")
    still = (Delivery.state == "sending") & Delivery.id.in_(held) & belongs_to_host(b, Delivery)
    wait_for(lambda: not ask(select(Delivery.id).where(still).limit(1)), 120, "what the other one held coming back")
    wait_for(lambda: mailed([*backlog, *at_b.accepted]), 90, "everybody's link, while the second host is away")
    told(f"the {len(held)} emails that the second host held came back, and whoever signed there was mailed")
    if lost == "everything":
        wait_for(lambda: 503 in at_b.refused, 120, "the second host giving its connections up")
        told("the second host has given its connections up, and tells who wants to sign there that it is busy")
    confirm(a.site, at_a.accepted[:10] + at_b.accepted[:10], mail_server, confirmed)

    since, accepted_at_b = clock.now(), len(at_b.accepted)
    for cable in (3, 4):
        engine_host.restore_link(cable)
    wait_for(lambda: len(at_b.accepted) > accepted_at_b + 10, 120, "people signing at the second host")
    told("people sign at the second host again")
    again = (
        select(Attempt.id)
        .where(Attempt.state == "sent", Attempt.ended_at > since, belongs_to_host(b, Attempt))
        .limit(1)
    )
    wait_for(lambda: ask(again), 120, "the second host sending")
    told("the second host sends again")
    confirm(b.site, at_b.accepted[-10:] + at_a.accepted[-10:], mail_server, confirmed)
    at_a.end(), at_b.end()
    accepted = [*backlog, *at_a.accepted, *at_b.accepted]
    wait_for(lambda: mailed(accepted), 120, "everybody's link")
    wait_for(lambda: ask(select(Mailing.state).where(Mailing.id == mailing)) == "sent", 120, "the end of the mailing")
    wait_for(lambda: not ask(select(Delivery.id).where(Delivery.state.in_(("due", "sending"))).limit(1)), 120, "rest")
    told(f"{len(accepted)} signed, {len(at_b.refused)} were refused at the second host, all were mailed")
    assert not at_a.refused, "the first host refused nobody"
    check_promises(petition, mail_server, accepted, confirmed, held)


def confirm(site, addresses, mail_server, confirmed):
    """Press the button of the links that these addresses were sent."""
    for n, address in enumerate(addresses):
        wait_for(lambda address=address: address in mail_server.addresses, 60, "a link")
        assert site.confirm(mail_server.link_to(address), network=n).status == 303
        confirmed.add(address)


def check_promises(petition, mail_server, accepted, confirmed, held):
    """Hold what happened against the promises."""
    db.session.rollback()
    signed = select(Signature.email, Signature.state).where(Signature.petition_id == petition.id)
    rows = {row.email: row.state for row in db.session.execute(signed)}
    assert set(accepted) <= set(rows), "every signature that was accepted is there"
    assert {email for email, state in rows.items() if state == "confirmed"} == confirmed
    assert get_count(petition).confirmed == len(confirmed)

    mailed = Counter(mail_server.addresses)
    in_flight = select(Signature.email).join(Delivery, Delivery.subject_id == Signature.id).where(Delivery.id.in_(held))
    in_flight = set(db.session.scalars(in_flight.where(Delivery.queue == "confirmations")))
    twice = {address for address, times in mailed.items() if times > 1}
    print(f"{len(twice)} of the {len(in_flight)} links in flight at the cut were sent twice")
    assert twice <= in_flight
    assert max(mailed.values()) <= 2
    ids = {}
    for address, message in mail_server.accepted:
        ids.setdefault(address, set()).add(message["Message-ID"])
    assert all(len(found) == 1 for found in ids.values()), "a second copy is the same message"

    states = Counter(db.session.scalars(select(Delivery.state).where(Delivery.queue == "mailings")))
    unread = {f"r{n}@example.org" for n in range(RECIPIENTS)} - set(mailed)
    print(f"the mailing: {dict(states)}")
    assert states["sent"] + states["unknown"] == RECIPIENTS
    assert len(unread) <= states["unknown"] <= THREADS * BEGUN
