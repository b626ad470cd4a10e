"""Visitors who come through a proxy that PROXY_COUNT=0 does not count: logged once, on /ops/, found by the doctor."""

import pytest
from conftest import environment
from sqlalchemy import func, text, update
from structlog.testing import capture_logs
from support.factories import sign_in

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.operations import untrusted_proxies, web_requests
from petition.operations.doctor import website
from petition.operations.models import Probe
from petition.operations.web_requests import count_requests

FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def make_site(app, database_url, redis_url):
    """Return a function that returns the client of a web process, and what flushes its counts."""
    made = []

    def make(proxy_count):
        site = create_app(Config(environment(database_url, redis_url, PROXY_COUNT=str(proxy_count))))
        count_requests(site)
        made.append(site)

        def flush():
            with site.app_context():
                site.extensions[web_requests.EXTENSION].flush()

        return site.test_client(), flush

    yield make
    for site in made:
        with site.app_context():
            db.engine.dispose()


def visit(client, n, headers=FORWARDED):
    for _ in range(n):
        client.get("/no/such/page", headers=headers)


def test_it_is_logged_once_and_shown(make_site, client):
    visitor, flush = make_site(0)
    with capture_logs() as lines:
        visit(visitor, 19)
        flush()
        assert db.session.get(Probe, untrusted_proxies.PROXIES) is None, "too few to tell"
        visit(visitor, 5)
        flush()
        visit(visitor, 5)
        flush()
    assert ["PROXY_COUNT=0" in line["event"] for line in lines if "proxy" in line["event"]] == [True]
    assert "203.0.113.9" not in str([line for line in lines if "proxy" in line["event"]])
    db.session.rollback()
    assert db.session.get(Probe, untrusted_proxies.PROXIES).ok is False


def test_visitors_who_send_the_header_themselves_are_no_proxy(make_site):
    visitor, flush = make_site(0)
    visit(visitor, 30)
    visit(visitor, 5, headers={})
    flush()
    assert db.session.get(Probe, untrusted_proxies.PROXIES) is None


def test_a_proxy_that_is_counted_is_none_of_these(make_site):
    visitor, flush = make_site(1)
    visit(visitor, 30)
    flush()
    assert db.session.get(Probe, untrusted_proxies.PROXIES) is None


def test_the_doctor_and_the_page_say_so_for_an_hour(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "PROXY_COUNT", 0)
    sign_in(client, "operator")
    seen = {"client": "other", "proxies": 0, "secure": True, "host": True}
    assert [finding.level for finding in website._check_proxies(seen, is_https=True)] == ["ok"]
    db.session.add(Probe(name=untrusted_proxies.PROXIES, ok=False, response="", milliseconds=0))
    db.session.commit()
    [finding] = website._check_proxies(seen, is_https=True)
    assert (finding.level, "X-Forwarded-For" in finding.message()) == ("wrong", True)
    assert "does not count" in client.get("/ops/?lang=en").text
    db.session.execute(update(Probe).values(at=func.now() - text("interval '2 hours'")))
    db.session.commit()
    assert [finding.level for finding in website._check_proxies(seen, is_https=True)] == ["ok"]
    assert "does not count" not in client.get("/ops/?lang=en").text
