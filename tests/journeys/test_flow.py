"""What operators see when a part dies, and that it ends when the part is back: each part a process of its own."""

import html
import json
import re
import signal
from collections import Counter

import pytest
from factories import make_petition, sign_in
from running import wait_for

from petition.core.db import db
from petition.delivery.models import Delivery

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("faults")]
HEALTHY = "Mail flows"  # the headline of the page
NOTICED = 15  # seconds
RECOVERED = 60  # seconds: a mail server that was down is left alone for up to a minute


def sign(parts, address):
    body = {"name": "Inès Caron", "email": address}
    assert parts.site.ask("POST", "/api/v1/petitions/jardin/signatures", body=body).status == 202


def check(parts):
    """Return what the monitoring plugin says: its exit code and its line."""
    ended = parts.petition("queue", "check")
    assert len(ended.stdout.splitlines()) == 1, ended.stderr
    return ended.returncode, ended.stdout


def metric(parts, name):
    """Return the values of a metric by its labels, as Prometheus reads them."""
    lines = re.findall(rf"^{name}(\{{.*?\}})? (\S+)$", parts.site.get("/metrics").text, re.M)
    return {labels: float(value) for labels, value in lines}


def state(parts):
    return metric(parts, "petition_verdict_state")[""]


def page(parts):
    """Return `/ops/` as an operator sees it."""
    return parts.site.ask("GET", "/ops/", **{"Cookie": f"team={parts.session}", "Accept-Language": "en"}).text


@pytest.fixture
def flowing(parts, client):
    """Everything runs, an email has just left, and an operator looks."""
    make_petition()
    sign_in(client, "operator")
    parts.session = client.get_cookie("team").value
    parts.web()
    parts.worker()
    parts.beat()
    sign(parts, "first@example.org")
    wait_for(lambda: check(parts)[0] == 0, 30, "a healthy queue")
    wait_for(lambda: state(parts) == 0, 10, "the same in the metrics")
    return parts


def tells(parts, words):
    """Return whether the plugin, the page and the metrics say that something is wrong, in these words."""
    code, line = check(parts)
    said = [words in text and HEALTHY not in text for text in (line, html.unescape(page(parts)))]
    return code > 0 and all(said) and state(parts) > 0


def recovers(parts):
    return check(parts)[0] == 0 and HEALTHY in page(parts) and state(parts) == 0


@pytest.mark.parametrize("sign_", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_ends_is_missed_and_its_return_seen(flowing, mail_server, sign_):
    flowing.end("worker", sign_)
    sign(flowing, "zoe@example.org")
    wait_for(lambda: tells(flowing, "No worker takes the lane confirmations."), NOTICED, "the missing worker")
    assert metric(flowing, "petition_workers")['{lane="confirmations"}'] == 0
    assert flowing.site.get("/readyz").json["parts"]["workers"] != "ok"
    flowing.worker()
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")
    assert sorted(mail_server.addresses) == ["first@example.org", "zoe@example.org"]


def test_beat_that_dies_is_missed_and_its_return_seen(flowing):
    flowing.end("beat", signal.SIGKILL)
    wait_for(lambda: tells(flowing, "Beat is silent"), NOTICED, "the silent beat")
    flowing.beat()
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")


def test_a_broker_that_is_gone_is_seen_while_signing_goes_on(flowing, broker, mail_server):
    broker.stop()
    sign(flowing, "zoe@example.org")
    wait_for(lambda: tells(flowing, "The broker does not answer"), NOTICED, "the missing broker")
    ready = flowing.site.get("/readyz")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    assert ready.json["parts"]["broker"] != "ok"
    broker.start()
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")
    wait_for(lambda: "zoe@example.org" in mail_server.addresses, 30, "the email")


def test_a_mail_server_that_puts_everything_off_is_seen(flowing, mail_server):
    mail_server.on_rcpt = lambda address: "451 4.7.1 try again later"
    sign(flowing, "zoe@example.org")
    wait_for(lambda: tells(flowing, "451 4.7.1 try again later"), NOTICED, "the deferral")
    mail_server.on_rcpt = lambda address: None
    wait_for(lambda: recovers(flowing), RECOVERED + 60, "the recovery")
    assert "zoe@example.org" in mail_server.addresses


def test_a_mail_server_that_hangs_is_seen(flowing, mail_server):
    mail_server.delay = 60
    sign(flowing, "zoe@example.org")
    wait_for(lambda: tells(flowing, ""), NOTICED, "the hanging server")
    mail_server.delay = 0
    wait_for(lambda: "zoe@example.org" in mail_server.addresses, RECOVERED + 60, "the email that hung")
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")


def test_one_domain_refused_and_another_put_off_are_told_apart_and_retried_exactly(flowing, mail_server):
    answers = {"refused.example": "550 5.7.1 not wanted here", "busy.example": "421 4.3.2 come back later"}
    mail_server.on_rcpt = lambda address: answers.get(address.rpartition("@")[2])
    refused = {f"r{n}@refused.example" for n in range(7)}
    for address in [*refused, "b0@busy.example", "b1@busy.example", "fine@example.org"]:
        sign(flowing, address)

    def groups():
        found = json.loads(flowing.petition("queue", "failures", "--json").stdout)
        return {(g["state"], g["cause"], g["domain"]): g["n"] for g in found}

    wanted = {("failed", "550 5.7.1", "refused.example"): 7, ("deferred", "421 4.3.2", "busy.example"): 2}
    wait_for(lambda: groups() == wanted, 90, "the groups")
    wait_for(lambda: "fine@example.org" in mail_server.addresses, 30, "the email to neither")
    answers.clear()
    shown = groups()["failed", "550 5.7.1", "refused.example"]
    ended = flowing.petition("queue", "retry", "--domain", "refused.example", "--yes", "--json")
    assert ended.returncode == 0, ended.stderr
    assert (json.loads(ended.stdout)["total"], json.loads(ended.stdout)["done"]) == (shown, shown)
    everyone = {*refused, "b0@busy.example", "b1@busy.example", "fine@example.org", "first@example.org"}
    wait_for(lambda: set(mail_server.addresses) == everyone, RECOVERED + 30, "every email")
    assert set(Counter(mail_server.addresses).values()) == {1}
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")


def test_a_paused_lane_sends_nothing_while_signing_goes_on_and_drains_when_resumed(flowing, mail_server):
    assert flowing.petition("queue", "pause", "confirmations", "--reason", "the provider asked").returncode == 0
    before = len(mail_server.addresses)
    for n in range(5):
        sign(flowing, f"s{n}@example.org")
    wait_for(lambda: tells(flowing, "the provider asked"), NOTICED, "the pause")
    picture = json.loads(flowing.petition("queue", "--json").stdout)
    assert picture["lanes"]["confirmations"]["due"] == 5
    assert picture["lanes"]["confirmations"]["paused"]["reason"] == "the provider asked"
    assert len(mail_server.addresses) == before
    assert flowing.petition("queue", "resume", "confirmations").returncode == 0
    wait_for(lambda: len(mail_server.addresses) == before + 5, 20, "the drained lane")
    wait_for(lambda: recovers(flowing), RECOVERED, "the recovery")


COLUMNS = {"due": "due", "sending": "being sent", "deferred": "put off", "failed": "failed", "unknown": "unknown"}


def on_page(text):
    """Return the figures of each lane as a person reads them on /ops/, by the heading of their column."""
    lanes = {}
    for lane, cells in re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', text, re.DOTALL):
        found = re.findall(r'<td class="n" data-label="([^"]+)">(.*?)</td>', cells, re.DOTALL)
        lanes[lane] = {label.lower(): re.sub(r"<[^>]+>", " ", cell).split()[0] for label, cell in found}
    return lanes


def test_figures_agree_wherever_they_are_read(flowing, mail_server, client):
    mail_server.on_rcpt = lambda address: "550 5.7.1 no" if address.startswith("no") else None
    for address in ("no1@example.org", "no2@example.org", "yes@example.org"):
        sign(flowing, address)

    def quiet():
        db.session.rollback()
        return db.session.query(Delivery).filter(Delivery.state.in_(["due", "sending"])).count() == 0

    wait_for(quiet, 20, "a quiet moment")
    picture = json.loads(flowing.petition("queue", "--json").stdout)
    lanes = metric(flowing, "petition_deliveries")
    page = on_page(client.get("/ops/?lang=en").text)
    for lane, figures in picture["lanes"].items():
        for name in ("due", "sending", "deferred", "sent", "failed", "unknown"):
            assert lanes[f'{{lane="{lane}",state="{name}"}}'] == figures[name], (lane, name)
        for name, column in COLUMNS.items():
            assert page[lane][column] == str(figures[name]), (lane, name)
    assert picture["lanes"]["confirmations"]["failed"] == 2
    assert picture["lanes"]["confirmations"]["sent"] == db.session.query(Delivery).filter_by(state="sent").count() == 2


def test_one_request_id_runs_from_the_answer_to_the_workers_line(flowing, mail_server, tmp_path):
    body = {"name": "Inès Caron", "email": "zoe@example.org"}
    answer = flowing.site.ask("POST", "/api/v1/petitions/jardin/signatures", body=body)
    request_id = answer.headers["X-Request-ID"]
    wait_for(lambda: "zoe@example.org" in mail_server.addresses, 20, "the email")
    db.session.rollback()
    row = db.session.query(Delivery).filter_by(request_id=request_id).one()

    def lines(part):
        text = (tmp_path / f"{part}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if request_id in line]

    assert any(line["event"] == "request" and line["status"] == 202 for line in lines("web"))
    found = wait_for(lambda: [line for line in lines("worker") if line["event"] == "email"], 5, "the worker's line")
    assert found[0]["delivery"] == row.id
    assert "zoe@example.org" not in (tmp_path / "web.log").read_text() + (tmp_path / "worker.log").read_text()
