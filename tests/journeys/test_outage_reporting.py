"""The monitoring check, the page and the metrics report each outage, and that it is over."""

import html
import json
import re
import signal
from collections import Counter

import pytest
from support.factories import make_petition, sign_in
from support.waiting import wait_for

from petition.core.db import db
from petition.delivery.models import Delivery

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("faults")]
HEALTHY_HEADLINE = "Mail flows"  # the headline of the page
NOTICED_WITHIN_SECONDS = 15
RECOVERED_WITHIN_SECONDS = 60  # a mail server that was down is backed off from for up to a minute


def sign(app_processes, address):
    body = {"name": "Inès Caron", "email": address}
    assert app_processes.site.request("POST", "/api/v1/petitions/jardin/signatures", body=body).status == 202


def run_queue_check(app_processes):
    """Return what the monitoring plugin says: its exit code and its line."""
    ended = app_processes.petition("queue", "check")
    assert len(ended.stdout.splitlines()) == 1, ended.stderr
    return ended.returncode, ended.stdout


def metric(app_processes, name):
    """Return the values of a metric by its labels, as Prometheus reads them."""
    lines = re.findall(rf"^{name}(\{{.*?\}})? (\S+)$", app_processes.site.get("/metrics").text, re.M)
    return {labels: float(value) for labels, value in lines}


def health_state(app_processes):
    return metric(app_processes, "petition_health_status")[""]


def operations_page(app_processes):
    """Return `/ops/` as an operator sees it."""
    return app_processes.site.request(
        "GET", "/ops/", **{"Cookie": f"team={app_processes.session}", "Accept-Language": "en"}
    ).text


@pytest.fixture
def healthy_system(app_processes, client):
    """Everything runs, an email was just sent, and an operator is signed in."""
    make_petition()
    sign_in(client, "operator")
    app_processes.session = client.get_cookie("team").value
    app_processes.web()
    app_processes.worker()
    app_processes.beat()
    sign(app_processes, "first@example.org")
    wait_for(lambda: run_queue_check(app_processes)[0] == 0, 30, "a healthy queue")
    wait_for(lambda: health_state(app_processes) == 0, 10, "the same in the metrics")
    return app_processes


def reports_problem(app_processes, message):
    """Return whether the plugin, the page and the metrics say that something is wrong, with this message."""
    code, line = run_queue_check(app_processes)
    said = [
        message in text and HEALTHY_HEADLINE not in text
        for text in (line, html.unescape(operations_page(app_processes)))
    ]
    return code > 0 and all(said) and health_state(app_processes) > 0


def is_healthy(app_processes):
    return (
        run_queue_check(app_processes)[0] == 0
        and HEALTHY_HEADLINE in operations_page(app_processes)
        and health_state(app_processes) == 0
    )


@pytest.mark.parametrize("sign_", [signal.SIGTERM, signal.SIGKILL])
def test_missing_worker_is_reported_and_its_return(healthy_system, mail_server, sign_):
    healthy_system.end("worker", sign_)
    sign(healthy_system, "zoe@example.org")
    wait_for(
        lambda: reports_problem(healthy_system, "No worker takes the queues confirmations, "),
        NOTICED_WITHIN_SECONDS,
        "the missing worker",
    )
    assert metric(healthy_system, "petition_workers")['{queue="confirmations"}'] == 0
    assert healthy_system.site.get("/readyz").json["parts"]["workers"] != "ok"
    healthy_system.worker()
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")
    assert sorted(mail_server.addresses) == ["first@example.org", "zoe@example.org"]


def test_dead_beat_is_reported_and_its_return(healthy_system):
    healthy_system.end("beat", signal.SIGKILL)
    wait_for(lambda: reports_problem(healthy_system, "Beat is silent"), NOTICED_WITHIN_SECONDS, "the silent beat")
    healthy_system.beat()
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")


def test_missing_broker_is_reported_while_signing_works(healthy_system, broker, mail_server):
    broker.stop()
    sign(healthy_system, "zoe@example.org")
    wait_for(
        lambda: reports_problem(healthy_system, "The broker does not answer"),
        NOTICED_WITHIN_SECONDS,
        "the missing broker",
    )
    ready = healthy_system.site.get("/readyz")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    assert ready.json["parts"]["broker"] != "ok"
    broker.start()
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")
    wait_for(lambda: "zoe@example.org" in mail_server.addresses, 30, "the email")


def test_mail_server_that_defers_everything_is_reported(healthy_system, mail_server):
    mail_server.on_rcpt = lambda address: "451 4.7.1 try again later"
    sign(healthy_system, "zoe@example.org")
    wait_for(
        lambda: reports_problem(healthy_system, "451 4.7.1 try again later"), NOTICED_WITHIN_SECONDS, "the deferral"
    )
    mail_server.on_rcpt = lambda address: None
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS + 60, "the recovery")
    assert "zoe@example.org" in mail_server.addresses


def test_hanging_mail_server_is_reported(healthy_system, mail_server):
    mail_server.delay = 60
    sign(healthy_system, "zoe@example.org")
    wait_for(lambda: reports_problem(healthy_system, ""), NOTICED_WITHIN_SECONDS, "the hanging server")
    mail_server.delay = 0
    wait_for(lambda: "zoe@example.org" in mail_server.addresses, RECOVERED_WITHIN_SECONDS + 60, "the email that hung")
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")


def test_failures_of_two_domains_are_grouped_and_retried_separately(healthy_system, mail_server):
    answers = {"refused.example": "552 5.2.2 mailbox full", "busy.example": "421 4.3.2 come back later"}
    mail_server.on_rcpt = lambda address: answers.get(address.rpartition("@")[2])
    refused = {f"r{n}@refused.example" for n in range(7)}
    for address in [*refused, "b0@busy.example", "b1@busy.example", "fine@example.org"]:
        sign(healthy_system, address)

    def groups():
        found = json.loads(healthy_system.petition("queue", "failures", "--json").stdout)
        return {(g["state"], g["cause"], g["domain"]): g["n"] for g in found}

    wanted = {("failed", "552 5.2.2", "refused.example"): 7, ("deferred", "421 4.3.2", "busy.example"): 2}
    wait_for(lambda: groups() == wanted, 90, "the groups")
    wait_for(lambda: "fine@example.org" in mail_server.addresses, 30, "the email to neither")
    answers.clear()
    shown = groups()["failed", "552 5.2.2", "refused.example"]
    ended = healthy_system.petition("queue", "retry", "--domain", "refused.example", "--yes", "--json")
    assert ended.returncode == 0, ended.stderr
    assert (json.loads(ended.stdout)["total"], json.loads(ended.stdout)["done"]) == (shown, shown)
    everyone = {*refused, "b0@busy.example", "b1@busy.example", "fine@example.org", "first@example.org"}
    wait_for(lambda: set(mail_server.addresses) == everyone, RECOVERED_WITHIN_SECONDS + 30, "every email")
    assert set(Counter(mail_server.addresses).values()) == {1}
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")


@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_trouble_of_one_provider_delays_nobody_else(healthy_system, mail_server, stage):
    answer = "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints"
    setattr(mail_server, stage, lambda address: answer if address.endswith("yahoo.example") else None)
    for n in range(6):
        sign(healthy_system, f"t{n}@yahoo.example")
    others = {f"s{n}@example.org" for n in range(5)}
    for address in others:
        sign(healthy_system, address)
    wait_for(lambda: others <= set(mail_server.addresses), 10, "the emails to others")
    setattr(mail_server, stage, lambda address: None)
    wait_for(lambda: len(mail_server.addresses) == 12, 90, "the emails to the provider")
    assert set(Counter(mail_server.addresses).values()) == {1}


def test_paused_queue_drains_when_resumed(healthy_system, mail_server):
    assert healthy_system.petition("queue", "pause", "confirmations", "--reason", "the provider asked").returncode == 0
    before = len(mail_server.addresses)
    for n in range(5):
        sign(healthy_system, f"s{n}@example.org")
    wait_for(lambda: reports_problem(healthy_system, "the provider asked"), NOTICED_WITHIN_SECONDS, "the pause")
    picture = json.loads(healthy_system.petition("queue", "--json").stdout)
    assert picture["queues"]["confirmations"]["due"] == 5
    assert picture["queues"]["confirmations"]["paused"]["reason"] == "the provider asked"
    assert len(mail_server.addresses) == before
    assert healthy_system.petition("queue", "resume", "confirmations").returncode == 0
    wait_for(lambda: len(mail_server.addresses) == before + 5, 20, "the drained queue")
    wait_for(lambda: is_healthy(healthy_system), RECOVERED_WITHIN_SECONDS, "the recovery")


COLUMNS = {
    "due": "due",
    "sending": "being sent",
    "deferred": "to be retried",
    "failed": "failed",
    "unknown": "unknown outcome",
}


def parse_queue_table(text):
    """Return the numbers of each queue on /ops/, by the heading of their column."""
    queues = {}
    for queue, cells in re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', text, re.DOTALL):
        found = re.findall(r'<td class="n" data-label="([^"]+)">(.*?)</td>', cells, re.DOTALL)
        queues[queue] = {label.lower(): re.sub(r"<[^>]+>", " ", cell).split()[0] for label, cell in found}
    return queues


def test_counts_agree_in_cli_metrics_and_page(healthy_system, mail_server, client):
    mail_server.on_rcpt = lambda address: "552 5.2.2 full" if address.startswith("no") else None
    for address in ("no1@example.org", "no2@example.org", "yes@example.org"):
        sign(healthy_system, address)

    def quiet():
        db.session.rollback()
        return db.session.query(Delivery).filter(Delivery.state.in_(["due", "sending"])).count() == 0

    wait_for(quiet, 20, "a quiet moment")
    picture = json.loads(healthy_system.petition("queue", "--json").stdout)
    queues = metric(healthy_system, "petition_deliveries")
    page = parse_queue_table(client.get("/ops/?lang=en").text)
    for queue, counts in picture["queues"].items():
        for name in ("due", "sending", "deferred", "sent", "failed", "unknown"):
            assert queues[f'{{queue="{queue}",state="{name}"}}'] == counts[name], (queue, name)
        for name, column in COLUMNS.items():
            assert page[queue][column] == str(counts[name]), (queue, name)
    assert picture["queues"]["confirmations"]["failed"] == 2
    assert picture["queues"]["confirmations"]["sent"] == db.session.query(Delivery).filter_by(state="sent").count() == 2


def test_one_request_id_runs_from_the_answer_to_the_workers_line(healthy_system, mail_server, tmp_path):
    body = {"name": "Inès Caron", "email": "zoe@example.org"}
    answer = healthy_system.site.request("POST", "/api/v1/petitions/jardin/signatures", body=body)
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
