"""Checkpoints are timestamped by a service, and anybody can verify that: against OpenSSL's."""

import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from support.factories import make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.count_log import log, timestamps
from petition.count_log.models import CountCheckpoint
from petition.signatures.confirm import confirm_signature

SEED = "c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M="
CONFIGURATION = """
[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = service
[service]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


def openssl(folder, *arguments, **options):
    command = ["openssl", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=240, **options).stdout


@pytest.fixture
def service(tmp_path):
    """A timestamping service; `folder` has its certificate, `answer` replaces its answer."""
    (tmp_path / "openssl.cnf").write_text(CONFIGURATION.format(folder=tmp_path))
    openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "tsa.pem", "-subj",
        "/CN=tsa", "-config", "openssl.cnf",
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.asked += 1
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (tmp_path / "query.tsq").write_bytes(query)
            status, body = self.server.answer or (200, openssl(
                tmp_path, "ts", "-reply", "-config", "openssl.cnf", "-section", "service", "-queryfile", "query.tsq",
                "-signer", "tsa.pem", "-inkey", "key.pem",
            ))  # fmt: skip
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.folder, server.answer, server.asked = tmp_path, None, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def petition(app, service, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_COUNT_LOG_KEY", SEED)
    monkeypatch.setitem(app.config, "PETITION_TIMESTAMP_URL", f"http://127.0.0.1:{service.server_port}/tsa")
    petition = make_petition()
    sign(petition, "a@example.org")
    return petition


def sign(petition, address):
    confirm_signature(make_signature(petition, email=address))
    db.session.commit()
    log.append_batch()


def test_a_timestamp_is_verified_by_openssl(client, petition, service):
    assert client.get("/p/jardin/log/timestamp/reply.tsr").status_code == 404
    timestamps.timestamp_checkpoints()
    reply = client.get("/p/jardin/log/timestamp/reply.tsr")
    assert reply.mimetype == "application/timestamp-reply"
    (service.folder / "reply.tsr").write_bytes(reply.data)
    checkpoint = client.get("/p/jardin/log/timestamp/checkpoint").data
    assert checkpoint == client.get("/p/jardin/log/checkpoint").data
    verify = ("ts", "-verify", "-in", "reply.tsr", "-CAfile", "tsa.pem", "-data", "checkpoint")
    (service.folder / "checkpoint").write_bytes(checkpoint)
    openssl(service.folder, *verify)
    (service.folder / "checkpoint").write_bytes(checkpoint.replace(b"\n1\n", b"\n2\n"))
    with pytest.raises(subprocess.CalledProcessError):
        openssl(service.folder, *verify)
    assert "timestamp/reply.tsr" in client.get("/p/jardin/log").text


def test_it_is_asked_once_an_hour_and_only_for_what_changed(petition, service, monkeypatch):
    timestamps.timestamp_checkpoints()
    sign(petition, "b@example.org")
    timestamps.timestamp_checkpoints()
    assert service.asked == 1
    later = clock.now() + timestamps.INTERVAL + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    timestamps.timestamp_checkpoints()
    assert service.asked == 2
    later += 2 * timestamps.INTERVAL
    timestamps.timestamp_checkpoints()
    assert service.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"0\x05"),
        (200, bytes.fromhex("30053003020102")),
        (200, b"0" * 70_000),
    ],
)
def test_a_reply_that_is_none_is_not_kept(petition, service, answer):
    service.answer = answer
    timestamps.timestamp_checkpoints()
    assert service.asked == 1
    assert db.session.get(CountCheckpoint, petition.id).timestamp_reply is None
    service.answer = None
    timestamps.timestamp_checkpoints()
    assert db.session.get(CountCheckpoint, petition.id).timestamp_reply


def test_a_timestamp_of_something_else_is_not_kept(petition, service):
    (service.folder / "other.tsq").write_bytes(timestamps.make_request(b"something else"))
    service.answer = 200, openssl(
        service.folder, "ts", "-reply", "-config", "openssl.cnf", "-section", "service", "-queryfile", "other.tsq",
        "-signer", "tsa.pem", "-inkey", "key.pem",
    )  # fmt: skip
    timestamps.timestamp_checkpoints()
    assert db.session.get(CountCheckpoint, petition.id).timestamp_reply is None


def test_without_a_service_none_is_asked(app, petition, service, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_TIMESTAMP_URL", None)
    timestamps.timestamp_checkpoints()
    assert service.asked == 0
