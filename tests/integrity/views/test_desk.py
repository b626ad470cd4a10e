"""The team's page about clusters: what it shows, and what it lets the team do."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core import clock
from petition.core.db import db
from petition.desk import alerts
from petition.desk.models import TeamAlert
from petition.integrity.models import IntegrityCluster
from petition.operations.metrics import render_metrics
from petition.petitions.counters import get_count
from petition.signatures.confirm import confirm_signature
from petition.signatures.staff.quarantine import quarantine_many
from petition.team.models import AuditEvent


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def cluster(petition):
    """Return a cluster that holds two signatures; a third one counts."""
    signatures = [
        make_signature(petition, email=f"s{number}@catch-all.net", name=f"Nom {'de' * number}") for number in (1, 2)
    ]
    other = make_signature(petition, email="real@example.org")
    for signature in (*signatures, other):
        confirm_signature(signature)
    now = clock.now()
    row = IntegrityCluster(
        petition_id=petition.id, kind="domain", key="catch-all.net", signatures=2, confirmed=2, share=0.66,
        first_at=now - timedelta(hours=1), last_at=now, signals={"hurried": [1.0, 0.45], "elsewhere": [0.0, 0.8]},
        sample=[s.id for s in signatures], held_at=now,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    quarantine_many([s.id for s in signatures], row.id)
    db.session.commit()
    return row


def run(location):
    action_id = int(location.rpartition("/")[2])
    runner.start(db.session.get(BulkAction, action_id))
    db.session.commit()
    list(runner.run_batches(action_id))


def test_the_page_is_for_campaigners(client, petition):
    sign_in(client, "operator")
    assert client.get("/desk/petitions/jardin/integrity").status_code == 403


def test_an_empty_page_says_so(client, petition):
    sign_in(client, "campaigner", language="en")
    page = client.get("/desk/petitions/jardin/integrity?lang=en")
    assert page.status_code == 200
    assert "No signature is in quarantine." in page.text
    assert "Nothing is held" in page.text


def test_the_page_shows_clusters_and_trends(client, cluster):
    sign_in(client, "campaigner", language="en")
    page = client.get("/desk/petitions/jardin/integrity?lang=en").text
    assert "Addresses at catch-all.net" in page
    assert "2 signatures are in quarantine, beside 1 that count." in page
    for name in ("domains", "networks"):
        plot = client.get(f"/desk/petitions/jardin/integrity/{name}.svg?narrow=1")
        assert (plot.status_code, plot.mimetype) == (200, "image/svg+xml")
    wide = client.get("/desk/petitions/jardin/integrity/domains.svg").text
    names = [float(y) for y in re.findall(r"<text x=\"[\d.]+\" y=\"([\d.]+)\">[a-z-]+[.][a-z]+</text>", wide)]
    assert (len(names), "catch-all.net" in wide) == (2, True)
    assert client.get("/desk/petitions/jardin/integrity/other.svg").status_code == 404


def test_the_page_of_a_cluster_says_why_and_shows_some(client, cluster):
    sign_in(client, "campaigner", language="en")
    page = client.get(f"/desk/integrity/{cluster.id}?lang=en").text
    assert "nobody hesitates: 100% confirm within minutes, elsewhere 45%" in page
    assert "s1@catch-all.net" in page
    assert client.get("/desk/integrity/999").status_code == 404


def test_release_is_previewed_run_and_undone(client, cluster, petition):
    sign_in(client, "campaigner", language="en")
    where = f"/desk/integrity/{cluster.id}"
    assert post_form(client, f"{where}/release", reason="").status_code == 422
    preview = post_form(client, f"{where}/release", reason="they wrote to us").location
    assert "What cluster" in client.get(f"{preview}?lang=en").text
    run(preview)
    assert get_count(petition).confirmed == 3
    db.session.refresh(cluster)
    assert cluster.ignored_because == "they wrote to us"
    run(post_form(client, f"{preview}/undo").location)
    assert get_count(petition).confirmed == 1
    nothing = db.session.execute(text("UPDATE signatures SET state = 'withdrawn' WHERE state = 'quarantined'"))
    assert nothing.rowcount == 2
    db.session.commit()
    assert post_form(client, f"{where}/release", reason="again").status_code == 422


def test_strike_and_its_undo(client, cluster, petition):
    sign_in(client, "campaigner", language="en")
    preview = post_form(client, f"/desk/integrity/{cluster.id}/strike", reason="forged").location
    run(preview)
    run(post_form(client, f"{preview}/undo").location)
    rows = db.session.execute(text("SELECT state, count(*) FROM signatures GROUP BY state ORDER BY state")).all()
    assert [tuple(row) for row in rows] == [("confirmed", 1), ("quarantined", 2)]


def test_ignore_with_a_reason_and_watch_again(client, cluster):
    sign_in(client, "campaigner", language="en")
    where = f"/desk/integrity/{cluster.id}"
    assert post_form(client, f"{where}/ignore", reason="a@b.fr").status_code == 422
    post_form(client, f"{where}/ignore", reason="our own test")
    assert "our own test" in client.get("/desk/petitions/jardin/integrity?lang=en").text
    post_form(client, f"{where}/watch")
    db.session.refresh(cluster)
    assert cluster.ignored_at is None
    done = [event.action for event in db.session.query(AuditEvent) if event.action.startswith("integrity.")]
    assert sorted(done) == ["integrity.ignored", "integrity.watched"]


def add_cluster(petition, key, **columns):
    """Add a cluster that holds one signature."""
    signature = make_signature(petition, email=f"somebody@{key}", name="Nom")
    confirm_signature(signature)
    now = clock.now()
    row = IntegrityCluster(
        petition_id=petition.id, kind="domain", key=key, signatures=1, confirmed=1, share=0.2, first_at=now,
        last_at=now, signals={"hurried": [1.0, 0.45]}, sample=[signature.id], held_at=now, **columns,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    quarantine_many([signature.id], row.id)
    db.session.commit()
    return row


def test_several_clusters_are_released_or_struck_at_once_and_undone(client, cluster, petition):
    others = [add_cluster(petition, key) for key in ("second.net", "third.net")]
    sign_in(client, "campaigner", language="en")
    where = "/desk/petitions/jardin/integrity"
    chosen = [cluster.id, others[0].id]
    preview = post_form(client, f"{where}/strike", reason="forged", id=chosen).location
    shown = client.get(f"{preview}?lang=en").text
    assert all(f"What cluster {number} quarantined" in shown for number in chosen)
    assert "3 signatures will be invalidated" in shown
    run(preview)
    rows = "SELECT state, count(*) FROM signatures GROUP BY state ORDER BY state"
    states = [tuple(row) for row in db.session.execute(text(rows))]
    assert states == [("confirmed", 1), ("invalidated", 3), ("quarantined", 1)]
    run(post_form(client, f"{preview}/undo").location)
    assert get_count(petition).confirmed == 1
    preview = post_form(client, f"{where}/release", reason="they wrote to us", id=chosen).location
    run(preview)
    assert get_count(petition).confirmed == 4
    db.session.expire_all()
    assert [row.ignored_because for row in (cluster, *others)] == ["they wrote to us", "they wrote to us", None]
    run(post_form(client, f"{preview}/undo").location)
    assert get_count(petition).confirmed == 1


def test_several_clusters_are_ignored_and_one_press_takes_it_back(client, cluster, petition):
    other = add_cluster(petition, "second.net")
    sign_in(client, "campaigner", language="en")
    where = "/desk/petitions/jardin/integrity"
    location = post_form(client, f"{where}/ignore", reason="our own test", id=[cluster.id, other.id]).location
    page = client.get(location).text
    assert page.count(" checked>") == 2
    db.session.expire_all()
    assert cluster.ignored_because == other.ignored_because == "our own test"
    assert get_count(petition).confirmed == 1
    post_form(client, f"{where}/watch", id=[cluster.id, other.id])
    db.session.expire_all()
    assert (cluster.ignored_at, other.ignored_at) == (None, None)


def test_what_cannot_be_done_to_several_is_said_and_nothing_is_lost(client, cluster, petition):
    foreign = add_cluster(make_petition(slug="autre"), "second.net")
    sign_in(client, "campaigner", language="en")
    where = "/desk/petitions/jardin/integrity"
    nothing = post_form(client, f"{where}/strike?lang=en", reason="forged", id=[foreign.id, 2**70])
    assert nothing.status_code == 422
    assert "Nothing is ticked" in nothing.text
    without = post_form(client, f"{where}/strike", reason="", id=cluster.id)
    assert (without.status_code, without.text.count(" checked>")) == (422, 1)
    with_address = post_form(client, f"{where}/release", reason="a@b.fr", id=cluster.id)
    assert with_address.status_code == 422
    assert 'value="a@b.fr"' in with_address.text
    db.session.execute(text("UPDATE signatures SET state = 'withdrawn' WHERE state = 'quarantined'"))
    db.session.commit()
    assert "is in quarantine: there is nothing to do" in post_form(
        client, f"{where}/release?lang=en", reason="genuine", id=cluster.id
    ).text  # fmt: skip
    assert client.get(f"{where}?ticked=held&ticked=x").text.count(" checked>") == 1


def test_the_page_says_that_the_petition_is_attacked(client, petition):
    petition.attacked_since, petition.attacked_until = clock.now(), clock.now() + timedelta(minutes=30)
    db.session.commit()
    sign_in(client, "campaigner", language="en")
    assert "asks each browser for a short calculation" in client.get("/desk/petitions/jardin/integrity?lang=en").text


def test_the_team_is_alerted_once_an_hour(client, cluster):
    sign_in(client, "campaigner", language="en", password="four words")
    alerts.check()
    alerts.check()
    [alert] = db.session.query(TeamAlert).filter_by(kind="integrity")
    assert alert.data["signatures"] == 2


def test_metrics_count_clusters_and_quarantined(app, cluster):
    text_of_metrics = render_metrics().decode()
    assert 'petition_integrity_clusters{state="held"} 1.0' in text_of_metrics
    assert 'petition_signatures{state="quarantined"} 2.0' in text_of_metrics
