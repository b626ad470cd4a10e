"""Pages of the history: periods, charts, files, and the page of one provider."""

import csv

import pytest
from sqlalchemy import func, text, update
from support.factories import make_petition, make_signature, sign_in

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations.statistics import rollup


@pytest.fixture
def operator(client):
    return sign_in(client, "operator")


@pytest.fixture
def refused(app):
    make_signature(make_petition(), email="s@orange.fr")
    values = {"state": "failed", "cause": "550 5.7.1", "domain": "orange.fr", "reason": "550 5.7.1 mauvaise réputation"}
    db.session.execute(update(Delivery).values(settled_at=func.now(), tried_at=func.now(), **values))
    db.session.commit()
    rollup.roll_up()


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
def test_every_period_has_a_page_charts_and_files(client, operator, refused, period):
    page = client.get(f"/ops/history/?period={period}&lang=fr").text
    assert "/ops/history/providers/orange.fr" in page
    for chart in ("volume", "waits", "outcomes", "rejections"):
        answer = client.get(f"/ops/history/{period}/{chart}.svg?lang=fr")
        assert answer.mimetype == "image/svg+xml"
        assert chart != "rejections" or "orange.fr" in answer.text
    rows = list(csv.DictReader(client.get(f"/ops/history/{period}/slots.csv").text.lstrip("\ufeff").splitlines()))
    assert rows[-1]["failed"] == "1"
    text_file = client.get(f"/ops/history/{period}/providers.csv").text
    assert "orange.fr" in text_file


def test_provider_page_has_its_words_and_its_limits(client, operator, refused):
    page = client.get("/ops/history/providers/orange.fr?lang=en").text
    assert "550 5.7.1 mauvaise réputation" in page
    assert "It is mailed at full speed, without limits." in page
    db.session.execute(text("INSERT INTO mail_providers (name, per_hour, set_by) VALUES ('orange.fr', 600, 'Ada')"))
    db.session.commit()
    assert "at most 600 emails an hour" in client.get("/ops/history/providers/orange.fr?lang=en").text
    assert client.get("/ops/history/week/slots.csv?provider=orange.fr").text.count("\n") == 29


def test_empty_history_says_so(client, operator):
    page = client.get("/ops/history/?lang=en").text
    assert "No email was sent in this period." in page
    assert "Nothing yet" in client.get("/ops/history/year/volume.svg?lang=en").text


@pytest.mark.parametrize(
    "path", ["/ops/history/?period=age", "/ops/history/age/volume.svg", "/ops/history/week/x.svg",
             "/ops/history/week/x.csv", "/ops/history/providers/nobody.example", "/ops/history/providers/%00"]
)  # fmt: skip
def test_what_does_not_exist_is_not_found(client, operator, path):
    assert client.get(path).status_code == 404
