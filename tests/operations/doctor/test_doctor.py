"""`petition doctor` on whole set-ups: each broken one names its cause in the first line."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from click.testing import CliRunner
from support import compose_file
from support.factories import post_form, sign_in
from support.heartbeats import record_lasting_heartbeat
from support.ports import free_port
from support.settings import ROOT, environment
from support.smtp_server import SmtpServer

from petition.commands import cli
from petition.core.db import db
from petition.delivery.bounces.models import BounceMailboxState
from petition.operations.doctor import website
from petition.operations.doctor.findings import Level, find_worst

QUEUES = ["confirmations", "notifications", "mailings", "maintenance", "webhooks"]
# Wrong or missing in every set-up of these tests, which are on loopback.
PLAIN = {"PETITION_BOUNCE_WEBHOOK_SECRET": "s" * 20, "PETITION_EMBEDDED": "1", "PROXY_COUNT": "0"}


@pytest.fixture
def mailbox_folder(tmp_path):
    """The folder that makes a set-up that of `petition up`, for which DNS is not asked."""
    return {"PETITION_MAILBOX": str(tmp_path)}


@pytest.fixture
def smtp():
    server = SmtpServer().start(free_port())
    yield server
    server.stop()


@pytest.fixture
def site(app, monkeypatch):
    """Serve the application on loopback; return a function that serves another WSGI application."""
    from werkzeug.serving import make_server  # noqa: PLC0415

    running = []

    def serve(wsgi_app=app):
        server = make_server("127.0.0.1", 0, wsgi_app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def beating(app):
    """Workers and beat, as far as the doctor sees."""
    record_lasting_heartbeat("worker", "w", QUEUES)
    record_lasting_heartbeat("beat", "b")


@pytest.fixture
def settings(database_url, redis_url):
    """Return a function that completes settings for the command; None removes one."""

    def complete(given):
        environ = {**environment(database_url, redis_url), **PLAIN, **given}
        return {name: value for name, value in environ.items() if value is not None}

    return complete


@pytest.fixture
def run_doctor(settings):
    """Return a function that runs the command in this process; as `subprocess.run`, it returns how it ended."""

    def run(*arguments, **given):
        result = CliRunner().invoke(cli, ["doctor", *arguments], env=settings(given))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def run_process(settings):
    """Return a function that runs the command as a process."""

    def run(*arguments, **given):
        environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **settings(given)}
        command = [sys.executable, "-P", "-m", "petition.cli", "doctor", *arguments]
        return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture
def good(beating, smtp, site, mailbox_folder):
    """The settings of a set-up in which all is well."""
    url = site()
    return {"PUBLIC_URL": url, "MAIL_PORT": str(smtp.controller.port), **mailbox_folder}


@pytest.mark.slow
def test_process_writes_80_columns_without_colours_and_nothing_else(good, run_process):
    ended = run_process(**good)  # its start may take longer than a heartbeat lasts: what it finds is another test's
    assert ended.stderr == ""
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert "\x1b" not in ended.stdout
    assert "PostgreSQL" in ended.stdout


def test_healthy_set_up_is_ok(good, run_doctor):
    ended = run_doctor(**good)
    assert ended.returncode == 0, ended.stdout
    assert {line.split()[0] for line in ended.stdout.splitlines() if not line.startswith(" ")} == {"ok"}
    found = json.loads(run_doctor("--json", **good).stdout)
    assert found["status"] == "ok"
    checks = {
        "settings",
        "database",
        "clock",
        "workers",
        "beat",
        "redis",
        "disk",
        "journal",
        "website",
        "proxies",
        "mail server",
        "DNS",
    }
    assert {each["check"] for each in found["findings"]} == checks


def empty_database(url):
    admin = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS doctor_empty WITH (FORCE)")
        connection.execute("CREATE DATABASE doctor_empty TEMPLATE template0")
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/doctor_empty?{query}"


# What is broken, and how the first line begins.
BROKEN = [
    ({"PETITION_STUCK_AFTER": "soon"}, "wrong    settings     PETITION_STUCK_AFTER must be a number"),
    ({"SECRET_KEY": None}, "wrong    settings     SECRET_KEY is not set"),
    ({"MAIL_SEVER": "mail"}, "wrong    settings     MAIL_SEVER is not a setting: did you mean"),
    ({"DATABASE_URL": "postgresql://127.0.0.1:1/petition"}, "wrong    database     The database does not answer:"),
    ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "wrong    redis        Redis does not answer (ConnectionError)"),
    ({"BROKER_URL": "amqp://127.0.0.1:1//"}, "wrong    broker       RabbitMQ does not answer ("),
    ({"MAIL_SERVER": "mail.invalid"}, "wrong    mail server  The name mail.invalid of MAIL_SERVER does not"),
    ({"MAIL_PORT": "1"}, "wrong    mail server  The mail server 127.0.0.1:1 does not answer"),
    ({"MAIL_USE_TLS": "1"}, "wrong    mail server  The mail server does not offer what the settings"),
    ({"MAIL_USE_SSL": "1"}, "wrong    mail server  127.0.0.1:"),
    ({"PUBLIC_URL": "http://127.0.0.1:1"}, "wrong    website      PUBLIC_URL does not answer from this host"),
    ({"PUBLIC_URL": "https://site.invalid"}, "wrong    website      The name site.invalid of PUBLIC_URL does not"),
]


@pytest.mark.parametrize(
    ("changes", "line"), BROKEN, ids=[next(iter(case[0])) + str(n) for n, case in enumerate(BROKEN)]
)
def test_broken_set_up_is_named_in_the_first_line(good, run_doctor, changes, line):
    ended = run_doctor(**{**good, **changes})
    assert ended.returncode == 2
    assert ended.stdout.startswith(line), ended.stdout
    assert "→" in ended.stdout


def test_empty_database_is_named_in_the_first_line(good, run_doctor, database_url):
    ended = run_doctor(**{**good, "DATABASE_URL": empty_database(database_url)})
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    database     The database is empty: it has no schema.")
    assert "petition db upgrade" in ended.stdout


def test_missing_worker_and_beat_are_named(app, good, run_doctor):
    db.session.execute(db.text("DELETE FROM heartbeats"))
    record_lasting_heartbeat("worker", "w", QUEUES[1:])
    db.session.commit()
    ended = run_doctor(**good)
    assert ended.stdout.startswith("wrong    workers      No worker listens to confirmations:")
    assert "Beat is silent" in ended.stdout
    assert "-Q confirmations" in ended.stdout


@pytest.mark.slow
def test_silent_servers_cost_less_than_twenty_seconds(good, run_process):
    with socket.create_server(("127.0.0.1", 0)) as server:  # its kernel accepts, and nobody answers
        port = server.getsockname()[1]
        silent = {"PUBLIC_URL": f"http://127.0.0.1:{port}", "MAIL_PORT": str(port), "MAIL_TIMEOUT": "20"}
        started = time.monotonic()
        assert run_process("--help").returncode == 0
        start_up = time.monotonic() - started  # what this machine, busy or not, takes to begin at all
        started = time.monotonic()
        ended = run_process(
            **{
                **good,
                **silent,
                "REDIS_URL": f"redis://127.0.0.1:{port}/0",
                "DATABASE_URL": f"postgresql://127.0.0.1:{port}/petition",
            }
        )
        assert time.monotonic() - started < 20 + 5 * max(start_up, 2)
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    database     The database does not answer:")
    assert "No result within 18 seconds" in ended.stdout


def test_rejected_login_shows_no_password(app, good, run_doctor, smtp):
    ended = run_doctor(**{**good, "MAIL_USERNAME": "campaign", "MAIL_PASSWORD": "s3cr3t-pass"})
    assert ended.returncode == 2
    assert "mail server" in ended.stdout.splitlines()[0]
    assert "s3cr3t" not in ended.stdout + ended.stderr


def test_test_email_is_sent_where_asked_and_its_address_is_not_shown(good, run_doctor, smtp):
    ended = run_doctor("--send-to", "zoe@orange.fr", **good)
    assert (ended.returncode, smtp.addresses) == (0, ["zoe@orange.fr"]), ended.stdout
    assert "accepted the test email" in ended.stdout
    assert "zoe" not in ended.stdout
    message = smtp.accepted[0][1]
    assert message["From"].addresses[0].addr_spec == "petition@example.org"
    smtp.on_rcpt = lambda address: f"550 5.7.1 <{address}> blocked"
    ended = run_doctor("--send-to", "zoe@orange.fr", **good)
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    test email   The test email was rejected: 550 5.7.1")
    assert "zoe" not in ended.stdout


def test_bad_options_are_refused_before_anything_is_asked(run_doctor):
    for arguments in (["--send-to", "zoe"], ["--sending-ip", "x"], ["--dkim-selector", "a b"], ["--return-path", "@"]):
        ended = run_doctor(*arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "Invalid value" in ended.stderr


def proxied(app, depth, *, overwrites=False, passes_host=True):
    """Return the application behind so many proxies; `overwrites`: the first drops what visitors send."""

    def call(environ, start_response):
        entries = [] if overwrites else [environ.get("HTTP_X_FORWARDED_FOR", "")]
        environ["HTTP_X_FORWARDED_FOR"] = ", ".join([*entries, *(f"10.0.0.{number}" for number in range(depth))])
        if not passes_host:
            environ["HTTP_HOST"] = "127.0.0.1:8000"
        return app.wsgi_app(environ, start_response)

    return call


@pytest.mark.parametrize(
    ("count", "depth", "overwrites", "level", "words"),
    [
        (1, 1, False, "ok", "PROXY_COUNT=1 agrees"),
        (1, 1, True, "ok", "PROXY_COUNT=1 agrees"),
        (1, 2, False, "wrong", "There are 2 proxies and PROXY_COUNT is 1"),
        (1, 0, False, "wrong", "believes whatever address"),
        (1, 0, True, "wrong", "no proxy passes on X-Forwarded-For"),
    ],
)
def test_number_of_proxies_is_proven_by_a_request(app, site, monkeypatch, count, depth, overwrites, level, words):
    monkeypatch.setitem(app.config, "PUBLIC_URL", site(proxied(app, depth, overwrites=overwrites)))
    assert app.config["PROXY_COUNT"] == count
    findings = {finding.check: finding for finding in website.check_website()}
    assert findings["website"].level == "ok"
    assert (findings["proxies"].level, words in findings["proxies"].message()) == (level, True), findings["proxies"]


class Redirecting(http.server.BaseHTTPRequestHandler):
    """Answers `status`."""

    status = 301

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("status", "words"),
    [(301, "redirects (301)"), (404, "leads elsewhere (404)"), (502, "answers 502"), (400, "refuses the name")],
)
def test_other_answers_of_the_site_are_explained(app, monkeypatch, status, words):
    monkeypatch.setattr(Redirecting, "status", status)
    with http.server.HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setitem(app.config, "PUBLIC_URL", f"http://127.0.0.1:{server.server_port}")
        (finding,) = website.check_website()
    assert (finding.level, words in finding.message()) == (Level.WRONG, True)


def test_request_echo_needs_a_token_of_ours(client):
    assert client.get("/healthz/request").status_code == 404
    assert client.get("/healthz/request", headers={"X-Petition-Doctor": "AAAA.BBBB.CCCC"}).status_code == 404


def test_page_runs_the_checks_when_asked(app, client, site, smtp, beating, monkeypatch, tmp_path):
    sign_in(client, "operator")
    monkeypatch.setitem(app.config, "PETITION_MAILBOX", tmp_path)
    monkeypatch.setitem(app.config, "PUBLIC_URL", site())
    monkeypatch.setattr(app.extensions["mail"], "port", smtp.controller.port)
    page = client.get("/ops/doctor/")
    assert "<table" not in page.text
    page = post_form(client, "/ops/doctor/")
    assert page.status_code == 200
    assert page.text.count("text-bg-success") == 12, page.text
    assert smtp.accepted == []
    page = post_form(client, "/ops/doctor/?lang=fr", selectors="un deux !", sending_ips="")
    assert (page.status_code, "un deux !" in page.text) == (422, True)
    page = post_form(client, "/ops/doctor/", selectors="s1", sending_ips="not an address")
    assert (page.status_code, "not an address" in page.text) == (422, True)


def test_worst_level_decides():
    assert find_worst([]) == Level.OK


def test_bounce_mailbox_that_cannot_be_read_is_named_in_the_first_line(good, run_doctor):
    db.session.add(BounceMailboxState(id=1, problem="login", response="[AUTHENTICATIONFAILED] no"))
    db.session.commit()
    ended = run_doctor(**good)
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    bounces      The bounce mailbox cannot be read (login)"), ended.stdout
    db.session.query(BounceMailboxState).update({"problem": ""})
    db.session.commit()
    assert "The bounce mailbox is read." in run_doctor(**good).stdout


def test_copy_is_read_from_a_file_and_from_the_page(good, run_doctor, tmp_path, app, client, monkeypatch):
    copy = tmp_path / "copy.eml"
    copy.write_bytes(b"From: petition@example.org\r\nSubject: x\r\n\r\nx\r\n")
    ended = run_doctor("--copy", str(copy), **good)
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    received copy"), ended.stdout
    assert "The copy has no DKIM signature." in " ".join(ended.stdout.split())
    sign_in(client, "operator")
    monkeypatch.setitem(app.config, "PETITION_MAILBOX", tmp_path)
    page = post_form(client, "/ops/doctor/?lang=en", copy="From: petition@example.org\nSubject: <x>\n\nx").text
    assert "The copy has no DKIM signature." in page
    assert "Subject: &lt;x&gt;" in page


@pytest.mark.parametrize("service", ["web", "worker-notifications"])
def test_settings_of_compose_are_understood_and_what_is_missing_is_named_first(good, run_doctor, tmp_path, service):
    variables = dict.fromkeys(compose_file.required_variables(), "value")
    variables |= {"PUBLIC_URL": "https://site.invalid", "MAIL_DEFAULT_SENDER": "petition@example.org"}
    document = compose_file.resolve(compose_file.load_compose(), {**variables, "MAIL_SERVER": "127.0.0.1"})
    given = {name: str(value) for name, value in document["services"][service]["environment"].items() if value}
    for name in [name for name in given if name.endswith("_FILE")]:
        secret = tmp_path / name
        secret.write_text("k" * 64 if name == "SECRET_KEY_FILE" else "")
        given[name] = str(secret)
    given = {name: value for name, value in given.items() if name not in ("REDIS_URL", "DATABASE_URL_FILE")}
    given.pop("WEB_CONCURRENCY", None)
    given |= {"SECRET_KEY": None, "PETITION_BOUNCE_WEBHOOK_SECRET": None}
    given |= {"PETITION_MAILBOX": good["PETITION_MAILBOX"], "MAIL_PORT": good["MAIL_PORT"]}
    ended = run_doctor(**{**given, "MAIL_USE_TLS": "false"})
    assert ended.returncode == 2
    assert ended.stdout.startswith("wrong    website      The name site.invalid of PUBLIC_URL"), ended.stdout
    assert [line for line in ended.stdout.splitlines() if line.startswith("wrong")] == ended.stdout.splitlines()[:1]
