"""Providers that greylist, limit our rate, block us and recover, with real workers."""

import json
import time
from collections import Counter
from datetime import timedelta

import pytest
from support.factories import make_petition
from support.ports import free_port
from support.scripted_providers import BLOCKED, POLICY, RATE, Greylists, LimitsRate, Refuses, ScriptedProviders
from support.waiting import wait_for

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.pacing.models import MailDomain
from petition.delivery.suppressions.models import Suppression

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("faults")]
PROVIDERS = {
    "orange.fr": "orange.fr",
    "wanadoo.fr": "orange.fr",
    "yahoo.fr": "yahoodns.net",
    "laposte.net": "laposte.net",
    "free.fr": "free.fr",
    "sfr.fr": "sfr.fr",
}
TOLD_WITHIN_SECONDS = 60
SENT_WITHIN_SECONDS = 10  # to a provider that is well, whatever the others do
RECOVERED_WITHIN_SECONDS = 240


@pytest.fixture
def mail_server():
    server = ScriptedProviders().start(free_port())
    yield server
    server.stop()


@pytest.fixture
def system(app_processes):
    make_petition()
    # What DNS answered before: a test asks no name server.
    expires_at = clock.now() + timedelta(days=1)
    for domain, provider in PROVIDERS.items():
        db.session.add(MailDomain(domain=domain, provider=provider, expires_at=expires_at))
    db.session.commit()
    app_processes.web()
    for name in ("one", "two"):  # as on two hosts
        app_processes.worker(name=name)
    app_processes.beat()
    return app_processes


def sign(system, *addresses):
    for n, address in enumerate(addresses):
        body = {"name": "Inès Caron", "email": address}
        network = {"X-Forwarded-For": f"10.{len(address)}.{n}.{int(time.monotonic()) % 250}"}
        answer = system.site.request("POST", "/api/v1/petitions/jardin/signatures", body=body, **network)
        assert answer.status == 202, answer.status
    return set(addresses)


def people(domain, n=6, start="p"):
    return [f"{start}{number}@{domain}" for number in range(n)]


def reasons(system):
    """Return the reasons that a monitoring system is told, by the first word: the provider."""
    found = json.loads(system.petition("queue", "check", "--json").stdout)["reasons"]
    return {each["message"].split()[0]: each["message"] for each in found if each["runbook"] == "ProviderRefuses"}


def test_providers_that_refuse_us_are_left_alone_reported_and_served_once_they_recover(system, mail_server):
    limit, block, policy = Refuses(RATE), Refuses(BLOCKED), Refuses(POLICY)
    mail_server.scripts = {
        "orange.fr": limit,
        "wanadoo.fr": limit,
        "yahoo.fr": block,
        "sfr.fr": policy,
        "laposte.net": Greylists(10),
    }
    began = time.monotonic()
    everyone = sign(system, *(address for domain in PROVIDERS for address in people(domain)))
    told = {}

    def all_told():
        for provider, message in reasons(system).items():
            told.setdefault(provider, (time.monotonic() - began, message))
        return {"orange.fr", "yahoodns.net", "sfr.fr"} <= set(told)

    wait_for(all_told, TOLD_WITHIN_SECONDS, "the reasons of three providers")
    assert "unusual rate of mail" in told["orange.fr"][1]
    assert "limit this provider to fewer emails an hour" in told["orange.fr"][1]
    assert "blocked using Spamhaus" in told["yahoodns.net"][1]
    metrics = system.site.get("/metrics").text
    assert 'petition_provider_refusing{provider="orange.fr"} 1.0' in metrics
    # Others go on as ever: those who signed with the rest, and who sign meanwhile.
    delays = []
    for round_ in range(5):
        signed = time.monotonic()
        late = sign(system, f"late{round_}@free.fr")
        everyone |= late
        wait_for(lambda late=late: late <= set(mail_server.addresses), SENT_WITHIN_SECONDS, "the email to another")
        delays.append(time.monotonic() - signed)
        time.sleep(2)
    assert set(people("free.fr")) <= set(mail_server.addresses)
    # Two or three rejections, and what two workers had begun; then single trials, further and further apart.
    refused = {name: mail_server.rejections(*domains) for name, domains in
               {"orange": ("orange.fr", "wanadoo.fr"), "yahoo": ("yahoo.fr",), "sfr": ("sfr.fr",)}.items()}  # fmt: skip
    assert all(n <= 12 for n in refused.values()), refused
    for script in (limit, block, policy):
        script.recovered = True
    recovered = time.monotonic()
    wait_for(lambda: everyone <= set(mail_server.addresses), RECOVERED_WITHIN_SECONDS, "every email after the recovery")
    took = time.monotonic() - recovered
    wait_for(lambda: not reasons(system), 30, "health without the providers")
    assert set(Counter(mail_server.addresses).values()) == {1}, "nobody got two"
    db.session.rollback()
    assert db.session.query(Suppression).count() == 0
    wait_for(lambda: db.session.rollback() or db.session.query(Delivery).filter(Delivery.state != "sent").count() == 0,
             10, "the last outcome")  # fmt: skip
    seconds = {provider: round(seconds, 1) for provider, (seconds, _) in told.items()}
    print(json.dumps({"told after": seconds, "refused": refused, "others": max(delays), "recovered": round(took, 1)}))


def test_provider_that_limits_our_rate_gets_everything_in_the_end(system, mail_server):
    script = LimitsRate(emails=5, seconds=10)
    mail_server.scripts = {"orange.fr": script, "wanadoo.fr": script}
    everyone = sign(system, *people("orange.fr", 10), *people("wanadoo.fr", 10))
    wait_for(lambda: everyone <= set(mail_server.addresses), RECOVERED_WITHIN_SECONDS, "every email")
    assert set(Counter(mail_server.addresses).values()) == {1}
    db.session.rollback()
    assert db.session.query(Suppression).count() == 0
    print(json.dumps({"refused": mail_server.rejections("orange.fr", "wanadoo.fr")}))


def test_operators_limit_holds_over_two_workers(system, mail_server):
    limited = system.petition("queue", "providers", "limit", "wanadoo.fr", "--per-hour", "1800", "--connections", "1")
    assert limited.returncode == 0, limited.stderr
    everyone = sign(system, *people("orange.fr", 10), *people("wanadoo.fr", 10))
    others = sign(system, *people("free.fr", 4))
    wait_for(lambda: others <= set(mail_server.addresses), SENT_WITHIN_SECONDS, "the emails to another")
    wait_for(lambda: everyone <= set(mail_server.addresses), 120, "every email")
    times = sorted(at for at, to, _ in mail_server.offers if to in everyone)
    # One in two seconds, and ten seconds' worth at once.
    for first, sixth in zip(times, times[7:], strict=False):
        assert sixth - first > 2.5, times
    assert times[-1] - times[0] > 20
