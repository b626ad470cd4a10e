"""Visitors who come through a proxy that PROXY_COUNT=0 does not count: logged once, on /ops/, found by the doctor."""

from contextlib import nullcontext

import pytest
import structlog
from click.testing import CliRunner
from conftest import environment
from sqlalchemy import func, text, update
from structlog.testing import capture_logs
from support.factories import sign_in
from support.ports import free_port
from support.request_counter import count_without_thread

from config import Config
from petition.app import create_app
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.operations import web_requests
from petition.operations.cli import doctor as doctor_command
from petition.operations.doctor import website
from petition.operations.models import Probe
from petition.operations.probes import untrusted_proxies

FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def make_site(app, database_url, redis_url):
    """Return a function that returns the client of a web process, and what flushes its counts."""
    made = []

    def make(proxy_count):
        site = create_app(Config(environment(database_url, redis_url, PROXY_COUNT=str(proxy_count))))
        count_without_thread(site)
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


def test_probes_and_monitors_that_ask_directly_do_not_hide_a_proxy(make_site, monkeypatch):
    monkeypatch.setattr(untrusted_proxies, "log", structlog.get_logger())  # each of these says it once a process
    visitor, flush = make_site(0)
    visit(visitor, 25)
    for path in ("/healthz", "/metrics", "/ops/check"):
        for _ in range(5):
            assert visitor.get(path).status_code != 404, path
    flush()
    assert db.session.get(Probe, untrusted_proxies.PROXIES) is not None


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


def test_the_doctor_says_so_where_it_does_not_reach_public_url_and_exits_with_two(app, monkeypatch):
    monkeypatch.setitem(app.config, "PROXY_COUNT", 0)
    monkeypatch.setitem(app.config, "PUBLIC_URL", f"http://127.0.0.1:{free_port()}")
    assert [finding.check for finding in website.check_website()] == ["website"]
    db.session.add(Probe(name=untrusted_proxies.PROXIES, ok=False, response="", milliseconds=0))
    db.session.commit()
    found = website.check_website()
    assert [finding.check for finding in found] == ["website", "proxies"]
    monkeypatch.setattr(doctor_command.runner, "run_checks", lambda *_: found[1:])
    provider = AppProvider(lambda: nullcontext(app))
    result = CliRunner().invoke(doctor_command.doctor, [], obj=provider)
    assert result.exit_code == 2, result.output
    assert "PROXY_COUNT" in result.output
