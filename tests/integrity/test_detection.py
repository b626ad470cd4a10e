"""Clusters are found in the newest signatures, held by two signals or more, and stay as the team leaves them."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import text
from support.factories import make_petition

from petition.bulk_actions import runner
from petition.core import clock
from petition.core.db import db
from petition.integrity import board, detection
from petition.integrity.detection import ADVISORY_LOCK_ID, detect
from petition.integrity.mail_servers import look_up_mail_servers
from petition.integrity.models import IntegrityCluster
from petition.integrity.queries import PROFILE
from petition.integrity.retention import CLUSTER_TTL, delete_old_clusters
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count, increment_many
from petition.signatures.models import Signature
from petition.team.models import AuditEvent

INSERT = text("""
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, created_at, requested_at, confirmed_at, confirmed_no,
                            confirmed_same_network, network)
    VALUES (:petition_id, 'person', :state, :name, :email, :email, 'fr', :listed, :updates, 'page', 1, 1, :at, :at,
            :confirmed_at, CASE WHEN CAST(:confirmed_at AS timestamptz) IS NOT NULL THEN nextval('confirmation_numbers')
            END, :same, :network)
    RETURNING petition_id, id, party
""")


@pytest.fixture
def petition(app):
    return make_petition()


def add(petition, n, make):
    """Insert signatures as `make(number, draw)` says; those that are confirmed count."""
    draw, now, counted = random.Random(7), clock.now(), []
    for number in range(n):
        values = {
            "state": "confirmed", "name": f"Nom{number}", "listed": True, "updates": False, "same": True,
            "network": f"network {number}", "age": timedelta(hours=1), "delay": 20.0,
        } | make(number, draw)  # fmt: skip
        age, delay = values.pop("age"), values.pop("delay")
        at, delay = now - age, min(delay, age.total_seconds() / 2)  # nobody confirms in the future
        confirmed = values["state"] == "confirmed"
        values |= {"petition_id": petition.id, "at": at,
                   "confirmed_at": at + timedelta(seconds=delay) if confirmed else None}  # fmt: skip
        row = db.session.execute(INSERT, values).one()
        counted += [tuple(row)] if confirmed else []
    increment_many(counted, +1)
    db.session.commit()


def person(number, draw):
    return {
        "email": f"anna.nom{number}@gmail.com", "delay": draw.lognormvariate(5, 1.4), "updates": draw.random() < 0.4,
        "listed": draw.random() < 0.7, "same": draw.random() < 0.8, "age": timedelta(minutes=draw.uniform(5, 600)),
        "state": "confirmed" if draw.random() < 0.78 else "pending",
    }  # fmt: skip


def forged(number, draw):
    return {"email": f"x{number * 7919}@catch-all.net", "same": False, "age": timedelta(minutes=draw.uniform(5, 60))}


def colleague(number, draw):
    return person(number, draw) | {"email": f"anna.nom{number}@imprimerie.fr", "network": f"office {number % 3}"}


def states(domain):
    db.session.expire_all()
    return {s.state for s in db.session.query(Signature).filter(Signature.email.endswith(domain))}


def test_what_is_forged_is_held_and_people_are_not(petition):
    add(petition, 80, person)
    add(petition, 60, colleague)
    before = get_count(petition).confirmed
    add(petition, 60, forged)
    found = detect()
    assert found.held == 60
    assert states("@catch-all.net") == {"quarantined"}
    assert "quarantined" not in states("@gmail.com") | states("@imprimerie.fr")
    assert get_count(petition).confirmed == before
    assert {drift.what for drift in reconcile()} <= {"confirmation email missing"}  # of those that are pending here
    [cluster] = board.list_clusters(petition.id)["held"]
    assert (cluster.kind, cluster.key, cluster.signatures) == ("domain", "catch-all.net", 60)
    assert db.session.query(AuditEvent).filter_by(action="integrity.held").one().after["signatures"] == 60


def careful(number, draw):
    """Return what is forged with patience, from a pool of networks that it confirms from, too."""
    return person(number, draw) | {
        "name": f"Autre{number}", "email": f"anna.autre{number}@catch-all.net", "network": f"proxy {number % 30}",
        "same": True, "delay": draw.uniform(10, 300), "age": timedelta(minutes=draw.uniform(20, 60)),
        "state": "confirmed",
    }  # fmt: skip


def test_a_large_domain_through_a_pool_of_networks_is_held_though_it_behaves(petition):
    add(petition, 300, person)
    add(petition, 150, careful)
    detect()
    assert states("@catch-all.net") == {"quarantined"}
    assert "quarantined" not in states("@gmail.com")


@pytest.mark.usefixtures("new_tables")
def test_names_are_looked_up_one_by_one_whatever_the_statistics_say(petition):
    """Many sign within minutes, and the planner still believes that the table is nearly empty."""
    db.session.execute(text("ANALYZE signatures"))
    add(petition, 300, lambda number, draw: {"email": f"x{number}@catch-all.net"})
    db.session.execute(text("SET LOCAL enable_seqscan = off"))  # of so few
    statement = f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) {PROFILE}"
    ids = db.session.scalars(text("SELECT id FROM signatures")).all()
    [plan] = db.session.scalar(text(statement), {"petition_id": petition.id, "ids": ids[:150], "now": clock.now()})
    scans = [node for node in nodes(plan["Plan"]) if node.get("Index Name") == "ix_signatures_list_name"]
    assert [scan["Actual Loops"] for scan in scans] == [150]
    assert all("NORMALIZE" in scan["Index Cond"].upper() for scan in scans)  # the name, not the petition alone


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def test_what_comes_later_is_held_at_once_and_a_second_look_changes_nothing(petition):
    add(petition, 60, forged)
    detect()
    assert detect().held == 0
    add(petition, 1, lambda number, draw: {"email": "late@catch-all.net"})
    assert detect().held == 1


def test_many_clusters_are_held_in_some_passes(petition, monkeypatch):
    """Those that are held already do not keep a pass from the next ones."""
    monkeypatch.setattr(detection, "MAX_CLUSTERS", 1)
    add(petition, 180, lambda number, draw: forged(number, draw) | {"email": f"x{number}@catch-{number % 3}.net"})
    assert [detect().held for _ in range(4)] == [60, 60, 60, 0]
    add(petition, 1, lambda number, draw: {"email": "late@catch-1.net"})
    assert detect().held == 1


def test_only_one_process_looks_at_a_time_and_none_keeps_the_others_out(petition):
    add(petition, 60, forged)
    with db.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:id)"), {"id": ADVISORY_LOCK_ID})
        assert detect().held == 0
        other.execute(text("SELECT pg_advisory_unlock(:id)"), {"id": ADVISORY_LOCK_ID})
    assert detect().held == 60
    # Other databases of the server have locks of that number too.
    locks = text("""
        SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND l.objid = :id AND d.datname = current_database()
    """)
    assert db.session.scalar(locks, {"id": ADVISORY_LOCK_ID}) == 0


def test_released_stays_released(petition):
    add(petition, 60, forged)
    detect()
    [cluster] = board.list_clusters(petition.id)["held"]
    action = board.prepare([cluster], "release", "they are genuine", "Alix")
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))
    assert detect().held == 0
    assert get_count(petition).confirmed == 60
    board.watch_again([db.session.get(IntegrityCluster, cluster.id)])
    add(petition, 2, lambda number, draw: {"email": f"late{number}@catch-all.net"})
    assert detect().held == 2


def test_what_one_cluster_released_no_other_holds_again(petition):
    add(petition, 120, lambda number, draw: forged(number, draw) | {"email": f"a{number}@d{number % 2}.com"})
    db.session.execute(text("INSERT INTO mail_domains SELECT 'd' || n || '.com', 'forger.xyz', now() + interval '1 day'"
                            " FROM generate_series(0, 1) AS n"))  # fmt: skip
    db.session.commit()
    assert detect().held == 120
    clusters = board.list_clusters(petition.id)["held"]
    assert len(clusters) == 3
    holder = next(cluster for cluster in clusters if board.count_quarantined(petition.id, cluster.id) == 120)
    action = board.prepare([holder], "release", "they are genuine", "Alix")
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))
    assert (detect().held, get_count(petition).confirmed) == (0, 120)


def test_struck_and_reinstated_they_are_still_quarantined(petition):
    add(petition, 60, forged)
    detect()
    [cluster] = board.list_clusters(petition.id)["held"]
    action = board.prepare([cluster], "strike", "they are forged", "Alix")
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))
    assert (states("@catch-all.net"), get_count(petition).confirmed) == ({"invalidated"}, 0)


def test_withdrawing_and_signing_again_is_no_way_out(petition):
    add(petition, 60, forged)
    detect()
    db.session.execute(text("UPDATE signatures SET state = 'withdrawn' WHERE email LIKE 'x0@%'"))
    db.session.execute(text("UPDATE signatures SET state = 'confirmed' WHERE email LIKE 'x0@%'"))
    increment_many([(petition.id, db.session.query(Signature).filter(Signature.email.startswith("x0@")).one().id,
                     "person")], +1)  # fmt: skip
    db.session.commit()
    assert detect().held == 1
    assert reconcile() == []


def test_many_domains_of_one_mail_server_are_one_cluster(petition):
    add(petition, 60, lambda number, draw: forged(number, draw) | {"email": f"a@d{number}.com"})
    db.session.execute(text("INSERT INTO mail_domains SELECT 'd' || n || '.com', 'forger.xyz', now() + interval '1 day'"
                            " FROM generate_series(0, 59) AS n"))  # fmt: skip
    db.session.commit()
    assert detect().held == 60
    [cluster] = board.list_clusters(petition.id)["held"]
    assert (cluster.kind, cluster.key) == ("mail_server", "forger.xyz")


def test_a_large_host_is_no_cluster(petition):
    add(petition, 60, lambda number, draw: forged(number, draw) | {"email": f"a@d{number}.com"})
    db.session.execute(text("INSERT INTO mail_domains SELECT 'd' || n || '.com', 'google.com', now() + interval '1 day'"
                            " FROM generate_series(0, 59) AS n"))  # fmt: skip
    db.session.commit()
    assert detect().held == 0


def test_spellings_of_one_mailbox(petition):
    spelling = ("ana.b.c", "an.abc", "a.na.bc", "anabc+one", "anabc+two", "a.n.abc")
    add(petition, 6, lambda number, draw: person(number, draw) | {"email": f"{spelling[number]}@mailo.com",
                                                                  "state": "confirmed"})  # fmt: skip
    assert detect().held == 6
    [cluster] = board.list_clusters(petition.id)["held"]
    assert cluster.kind == "mailbox"
    assert "anabc" not in cluster.key


@pytest.mark.parametrize("mode", ["watch", "off"])
def test_the_rules_only_watch_or_are_off(petition, app, monkeypatch, mode):
    monkeypatch.setitem(app.config, "PETITION_INTEGRITY", mode)
    add(petition, 60, forged)
    assert detect().held == 0
    assert len(board.list_clusters(petition.id)["watched"]) == (1 if mode == "watch" else 0)


def test_what_was_signed_before_the_window_is_left_alone(petition):
    add(petition, 60, lambda number, draw: forged(number, draw) | {"age": timedelta(hours=30)})
    assert detect().held == 0


def test_mail_servers_of_new_domains_are_looked_up_once(petition, app, monkeypatch):
    asked = []

    class Lookup:
        def find_mail_servers(self, domains):
            asked.extend(domains)
            return {domain: f"mx.{domain}" for domain in domains}

    monkeypatch.setitem(app.extensions, "petition.mx_lookup", Lookup())
    add(petition, 3, lambda number, draw: {"email": f"a@looked-up{number}.com"})
    add(petition, 2, lambda number, draw: {"email": f"b{number}@gmail.com"})
    assert (look_up_mail_servers(), look_up_mail_servers()) == (3, 0)
    assert sorted(asked) == [f"looked-up{number}.com" for number in range(3)]
    monkeypatch.setitem(app.config, "PETITION_INTEGRITY_DNS", False)
    add(petition, 1, lambda number, draw: {"email": "a@not-looked-up.com"})
    assert look_up_mail_servers() == 0


def test_clusters_are_deleted_after_a_time(petition):
    add(petition, 60, forged)
    detect()
    db.session.execute(text("UPDATE integrity_clusters SET last_at = :at"),
                       {"at": clock.now() - CLUSTER_TTL - timedelta(days=1)})  # fmt: skip
    delete_old_clusters()
    assert db.session.query(IntegrityCluster).count() == 0
    assert states("@catch-all.net") == {"quarantined"}
