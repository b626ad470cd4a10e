"""Requests are counted by URL rule, across processes and threads, and never by path."""

import os
import threading

import pytest
from conftest import environment
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from support.factories import make_petition
from support.request_counter import count_without_thread

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.operations import web_requests
from petition.operations.models import WebRequests
from petition.operations.web_requests import RequestCounter


@pytest.fixture
def counted(app, database_url, redis_url):
    """Applications as two web processes have them."""
    settings = environment(database_url, redis_url, PETITION_METRICS_TOKEN="a token of some length")
    apps = [create_app(Config(settings)) for _ in range(2)]
    for each in apps:
        count_without_thread(each)
    yield apps
    for each in apps:
        with each.app_context():
            db.engine.dispose()


def read(app):
    text = app.test_client().get("/metrics", headers={"Authorization": "Bearer a token of some length"}).text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("petition_http")
    }


def test_requests_of_all_processes_are_counted_by_rule(app, counted):
    slug = make_petition().slug
    for each in counted:
        client = each.test_client()
        client.get(f"/p/{slug}")
        client.get("/c/a-token-of-nobody")
        client.get("/no/such/page")
        with each.app_context():
            each.extensions[web_requests.EXTENSION].flush()
    for each in counted:
        found = read(each)
        assert found["petition_http_requests_total", *sorted(("GET", "/p/<slug>", "200"))] == 2
        assert found["petition_http_requests_total", *sorted(("-", "-", "404"))] == 2
        assert found["petition_http_request_seconds_count", *sorted(("GET", "/p/<slug>"))] == 2
        assert not any(slug in str(key) or "nobody" in str(key) or "/no/" in str(key) for key in found)


def test_counts_are_kept_while_the_database_is_away(app, monkeypatch):
    counter = RequestCounter(app)
    monkeypatch.setattr(counter, "_pid", os.getpid())  # no thread
    counter.add("GET", "/", 200, 0.02)

    def fail(_counts):
        raise OperationalError("INSERT", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(web_requests, "_add_to_database", fail)
        counter.flush()
    counter.add("GET", "/", 200, 0.02)
    counter.flush()
    assert db.session.scalars(select(WebRequests.n)).all() == [2]


def test_threads_and_processes_add_up_exactly(app, monkeypatch):
    counters = [RequestCounter(app) for _ in range(2)]
    for counter in counters:
        monkeypatch.setattr(counter, "_pid", os.getpid())

    def work(counter, number):
        with app.app_context():
            for step in range(200):
                counter.add("GET", f"/{(step + number) % 7}", 200, 0.02)
                if step % 50 == number:
                    counter.flush()

    threads = [threading.Thread(target=work, args=(counters[n % 2], n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for counter in counters:
        counter.flush()
    assert db.session.scalar(select(func.sum(WebRequests.n))) == 1200
