"""What the loop survives: a broker that is gone, a worker that is killed. Each part is a process of its own."""

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from conftest import environment
from factories import make_petition, make_signature
from mailserver import MailServer
from ports import free_port
from running import ROOT, Site, wait_for

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.embedded.valkey import Valkey
from petition.signatures.models import Signature

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("faults")]


class Parts:
    """The application's processes, each startable and killable on its own, around one database."""

    def __init__(self, folder, database_url, redis_url, mail_port):
        self.port, self.folder, self.running = free_port(), folder, {}
        self.environ = environment(
            database_url, redis_url, MAIL_PORT=str(mail_port), PETITION_LEASE="10", PATH="/usr/bin:/bin"
        )
        self.environ["PETITION_READY_DIR"] = str(folder)
        self.site = Site(f"http://127.0.0.1:{self.port}")

    def start(self, name, *command):
        with (self.folder / f"{name}.log").open("a") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *command], env=self.environ, cwd=ROOT, stdout=log, stderr=log
            )

    def web(self):
        self.start(
            "web", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--workers", "1", "--threads", "8",
            "--no-control-socket", "wsgi:app",
        )  # fmt: skip
        wait_for(lambda: self._answers(), 20, "the web process")

    def _answers(self):
        try:
            return self.site.get("/healthz").status == 200
        except OSError:
            return False

    def worker(self, queues="confirmations,notices"):
        (self.folder / "worker").unlink(missing_ok=True)
        self.start("worker", "celery", "-A", "worker", "worker", "-Q", queues, "-P", "threads", "-c", "4",
                   "-n", "worker@test", "--loglevel", "WARNING")  # fmt: skip
        wait_for(lambda: (self.folder / "worker").exists(), 30, "the worker")

    def beat(self):
        self.start("beat", "celery", "-A", "worker", "beat", "-s", str(self.folder / "beat"), "--loglevel", "WARNING")

    def stop(self):
        for process in self.running.values():
            process.kill()
            process.wait(10)


@pytest.fixture
def mail_server():
    server = MailServer().start(free_port())
    yield server
    server.stop()


@pytest.fixture
def broker(tmp_path):
    valkey = Valkey(tmp_path, free_port())
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def parts(app, tmp_path, database_url, broker, mail_server):
    parts = Parts(tmp_path, database_url, broker.url, mail_server.controller.port)
    yield parts
    parts.stop()


def test_signing_goes_on_without_the_broker_and_loses_no_email(parts, broker, mail_server):
    make_petition()
    parts.web()
    parts.worker()
    parts.beat()
    broker.stop()

    def sign(n):
        began = time.monotonic()
        form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
        return parts.site.ask("POST", "/p/jardin/sign", form=form, network=n).status, time.monotonic() - began

    answers = [sign(n) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers += pool.map(sign, range(6, 30))
    assert {status for status, _ in answers} == {303}
    # The middle one: a machine that is busy with other tests may hold up any single request.
    assert sorted(took for _, took in answers[:6])[3] < 1.5
    db.session.rollback()
    assert db.session.query(Signature).count() == db.session.query(Delivery).count() == 30
    assert parts.site.get("/readyz").json["status"] == "degraded"
    broker.start()
    wait_for(lambda: len(mail_server.addresses) >= 30, 60, "the last email")
    assert Counter(mail_server.addresses) == Counter(f"s{n}@example.org" for n in range(30))
    assert sign(99)[0] == 303
    wait_for(lambda: "s99@example.org" in mail_server.addresses, 10, "the email after the broker came back")


def test_a_killed_workers_emails_are_sent_by_the_next_one(parts, mail_server):
    petition = make_petition()
    everyone = {f"s{n}@example.org" for n in range(500)}
    for address in everyone:
        make_signature(petition, email=address)
    mail_server.delay = 0.01
    parts.worker()
    parts.beat()
    wait_for(lambda: len(mail_server.addresses) > 100, 30, "the first hundred emails")
    worker = parts.running["worker"]
    for process in (*psutil.Process(worker.pid).children(recursive=True), worker):
        process.kill()
    worker.wait(10)
    killed = time.time()
    db.session.rollback()
    assert db.session.query(Delivery).filter_by(state="sending").count() > 0, "it was killed in the middle"
    parts.worker()

    def all_sent():
        db.session.rollback()
        stuck = (
            db.session.query(Delivery).filter(Delivery.state == "sending", Delivery.lease_until < db.func.now()).count()
        )
        # A lease that is over is taken up by the next sweep.
        assert stuck == 0 or time.time() - killed < 10 + 5 + 15
        return db.session.query(Delivery).filter_by(state="sent").count() == 500

    wait_for(all_sent, 60, "the last email")
    assert set(mail_server.addresses) == everyone
    again = sum(Counter(mail_server.addresses).values()) - 500
    assert again <= 4 * 10, "only what was sent and not yet recorded at the kill goes out twice"
    ids = {}
    for address, message in mail_server.accepted:
        ids.setdefault(address, set()).add(message["Message-ID"])
    assert all(len(found) == 1 for found in ids.values()), "a second copy is the same message"
