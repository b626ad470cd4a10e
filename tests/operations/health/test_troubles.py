"""The ledger of troubles: reported once they last, and once when they are over; and what is watched beside the mail."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from support.factories import make_account, make_petition, make_signature, sign_in

from petition.core import clock
from petition.core.db import db
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints
from petition.operations.health import troubles, watched
from petition.operations.health.evaluation import HealthReason, HealthStatus
from petition.operations.metrics import render_metrics
from petition.operations.models import Probe, Trouble
from petition.operations.probes.certificates import MAIL_CERTIFICATE, SITE_CERTIFICATE
from petition.operations.probes.disk import DISK, check_disk
from petition.operations.probes.results import record_probe
from petition.operations.probes.sign_in_provider import check_sign_in_provider
from petition.operations.runbook import read_runbook
from petition.signatures.models import Signature


def now():
    return db.session.scalar(select(func.now()))


@pytest.fixture
def health(monkeypatch):
    """Let nothing be wrong but what is in the list."""
    reasons = []
    monkeypatch.setattr(troubles, "evaluate_health", lambda *_: type("Health", (), {"reasons": reasons}))
    return reasons


def take(minutes=0):
    """Return the name and the end of what operators are alerted of after so many minutes."""
    at = now() + timedelta(minutes=minutes)
    alerts = [(alert.name, bool(alert.ended_at)) for alert in troubles.take_alerts(at)]
    db.session.commit()
    return alerts


def let_last(minutes):
    """Let what is wrong have begun so much earlier, and be seen again."""
    db.session.execute(update(Trouble).values(since=Trouble.since - timedelta(minutes=minutes)))
    db.session.commit()
    troubles.record_troubles()


def make_reason(status=HealthStatus.STUCK, **values):
    return HealthReason(status, "Wrong: %(what)s", {"what": "this", **values}, "BrokerDown")


def test_trouble_is_reported_once_it_lasts_and_once_when_it_is_over(app, health):
    health.append(make_reason())
    troubles.record_troubles()
    assert take() == []
    assert take(2.1) == [], "it was seen once"
    let_last(1.9)
    assert take() == []
    let_last(0.2)
    assert take() == [("BrokerDown", False)]
    assert take() == []
    health.clear()
    troubles.record_troubles()
    assert take(4) == [], "it may come back"
    assert take(5.1) == [("BrokerDown", True)]
    assert take(60) == []


def test_what_comes_and_goes_is_one_trouble(app, health):
    health.append(make_reason(HealthStatus.SLOW))
    troubles.record_troubles()
    let_last(11)
    assert take() == [("BrokerDown", False)]
    for _ in range(3):
        health.clear()
        troubles.record_troubles()
        assert take(2) == []
        health.append(make_reason(HealthStatus.SLOW))
        troubles.record_troubles()
        assert take() == []


def test_short_trouble_and_planned_pauses_are_reported_to_nobody(app, health):
    health.append(HealthReason(HealthStatus.SLOW, "Paused", {}, "QueuePausedTooLong", planned=True))
    health.append(make_reason())
    troubles.record_troubles()
    assert [row.name for row in db.session.query(Trouble)] == ["BrokerDown"]
    assert take(5.1) == []
    assert db.session.query(Trouble).count() == 0


def test_two_providers_are_two_troubles(app, health):
    health += [make_reason(provider="orange.fr"), make_reason(provider="google.com")]
    troubles.record_troubles()
    assert {row.subject for row in db.session.query(Trouble)} == {"orange.fr", "google.com"}


def names():
    return [(warned.name, warned.subject) for warned in watched.find_warnings(now())]


def add_failed_sign_ins(count):
    statement = (
        "INSERT INTO sign_in_attempts (subject, network, failed) SELECT 's', 'n', true FROM generate_series(1, :n)"
    )
    db.session.execute(text(statement), {"n": count})


def test_many_failed_sign_ins_are_a_warning_for_a_quarter_of_an_hour(app):
    add_failed_sign_ins(29)
    assert names() == []
    add_failed_sign_ins(1)
    assert names() == [("SignInFailures", "")]
    db.session.execute(text("UPDATE sign_in_attempts SET attempted_at = now() - interval '16 minutes'"))
    assert names() == []


def test_cluster_of_one_network_or_one_domain_is_a_warning(app, monkeypatch):
    monkeypatch.setattr(watched, "MIN_CLUSTER", 3)
    petition = make_petition()
    for n, domain in enumerate(["gmail.com"] * 4 + ["school.example"] * 2):
        make_signature(petition, email=f"s{n}@{domain}")
    assert names() == []
    last = make_signature(petition, email="last@school.example")
    assert names() == [("SignatureCluster", "school.example")], "a large provider is no cluster"
    db.session.execute(update(Signature).where(Signature.id > last.id - 3).values(network="n"))
    warnings = watched.find_warnings(now())
    assert [warned.subject for warned in warnings] == ["network", "school.example"]
    assert warnings[0].values == {"total": 7, "n": 3, "id": last.id}
    monkeypatch.setattr(watched, "MIN_CLUSTER_SHARE", 0.6)
    assert names() == []


def test_emails_beyond_a_budget_are_a_warning(app):
    db.session.execute(
        text("""
        INSERT INTO minute_rollups (minute, subject, queue, state, reason, bucket, n)
        VALUES (now(), 'delivery', 'confirmations', 'failed', 'budget', -1, 20)""")
    )
    assert names() == [("EmailsBeyondBudget", "")]


def test_certificates_that_end_or_are_not_valid_are_warnings(app):
    soon, later = now().timestamp() + 86_400, now().timestamp() + 86_400 * 60
    record_probe(SITE_CERTIFICATE, True, "", 0, later)
    record_probe(MAIL_CERTIFICATE, True, "", 0, soon)
    assert names() == [("CertificateExpiring", "the mail server")]
    record_probe(SITE_CERTIFICATE, False, "certificate has expired", 0)
    assert names() == [("CertificateExpiring", "PUBLIC_URL"), ("CertificateExpiring", "the mail server")]
    db.session.execute(update(Probe).values(at=func.now() - text("interval '3 hours'")))
    assert names() == [], "nobody looked lately"


def test_full_disk_is_a_warning(app, monkeypatch):
    check_disk()
    assert db.session.get(Probe, DISK).value > 0
    monkeypatch.setattr("petition.operations.probes.disk.WARNING_BYTES", 1e18)
    check_disk()
    db.session.expire_all()
    assert names() == [("DiskAlmostFull", "")]


def test_attacked_petition_is_a_warning_until_it_is_over(app):
    petition = make_petition(slug="jardin", attacked_until=clock.now() + timedelta(minutes=5))
    assert names() == [("PetitionAttacked", "jardin")]
    petition.attacked_until = clock.now() - timedelta(seconds=1)
    db.session.commit()
    assert names() == []


def test_token_in_use_that_ends_soon_is_a_warning(app):
    def make(name, days_left, days_unused):
        values = {"name": name, "hash": name, "left": timedelta(days=days_left), "unused": timedelta(days=days_unused)}
        statement = """
            INSERT INTO api_tokens (account_id, name, beginning, token_hash, scopes, expires_at, last_used_at)
            SELECT id, :name, 'pt_', :hash, '{}', now() + :left, now() - :unused FROM accounts LIMIT 1 RETURNING id
        """
        return db.session.scalar(text(statement), values)

    make_account()
    found = make("newsletter", 6, 1)
    make("lasts", 8, 1)
    make("unused", 6, 8)
    make("ended", -1, 2)
    assert names() == [("ApiTokenExpiring", str(found))]
    db.session.execute(text("UPDATE api_tokens SET revoked_at = now()"))
    assert names() == []


def test_webhook_whose_receiver_takes_nothing_is_a_warning_in_the_readers_language(app, health):
    endpoint = endpoints.create("https://crm.example/hook", EVENT_TYPES, None, "alix@example.org")
    endpoints.send_test(endpoint)
    db.session.commit()
    assert names() == []
    db.session.execute(text("UPDATE webhook_events SET attempts = 3, answer = 'timeout'"))
    db.session.execute(text("UPDATE webhook_endpoints SET failures = 3"))
    assert names() == [("WebhooksDelayed", str(endpoint.id))]
    troubles.record_troubles()
    messages = db.session.query(Trouble).one().messages
    assert "crm.example" in messages["en"]
    assert "no answer in time" in messages["en"]
    assert "pas de réponse à temps" in messages["fr"]
    db.session.execute(text("UPDATE webhook_endpoints SET state = 'paused'"))
    assert names() == [], "what a member paused waits on purpose"


def test_sign_in_provider_out_of_reach_twice_in_a_row_is_a_warning(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_OIDC_ISSUER", "https://id.example")
    answers = ["", "it does not answer (ConnectTimeout)", "it does not answer (ConnectTimeout)", ""]
    monkeypatch.setattr("petition.operations.probes.sign_in_provider.find_trouble", lambda: answers.pop(0))
    found = []
    while answers:
        check_sign_in_provider()
        db.session.commit()
        found.append(names())
    assert found == [[], [], [("SignInProviderUnreachable", "")], []]


def test_warnings_are_shown_on_the_page_in_metrics_and_have_a_runbook(client, app):
    sign_in(client, "operator")
    add_failed_sign_ins(40)
    troubles.record_troubles()
    assert "échoué en 15 minutes" in client.get("/ops/?lang=fr").text
    page = client.get("/ops/?lang=en").text
    assert "failed within 15 minutes: 40" in page
    assert 'href="/ops/runbook#SignInFailures"' in page
    assert 'petition_warning{warning="SignInFailures"} 1.0' in render_metrics().decode()
    assert 'petition_warning{warning="DiskAlmostFull"} 0.0' in render_metrics().decode()
    assert set(watched.WATCHED_NAMES) <= set(read_runbook())
