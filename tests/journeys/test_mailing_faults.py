"""A mailing of 20,000 while workers are killed and the engines restarted: each recipient once, nobody else."""

import json
import os
import signal
from collections import Counter

import psycopg
import pytest
from support.app_processes import AppProcesses
from support.settings import ROOT
from support.waiting import wait_for

from petition.delivery.queues import MAILINGS
from petition.local_stack.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("mailing faults")]
RECIPIENTS = int(os.environ.get("MAILING_RECIPIENTS", "20000"))
NON_RECIPIENTS = 500  # of each kind that must get nothing
THREADS, BEGUN = 4, MAILINGS.max_begin_batch_size  # of a worker; emails that one thread has begun at most
TIMEOUT_SECONDS = 400  # seconds, on two busy cores
SIGNERS = """
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, confirmed_at, confirmed_no)
    SELECT p.id, 'person', %(state)s::text, 'Zoé ' || n, %(kind)s::text || n || '@example.org',
           %(kind)s::text || n || '@example.org',
           CASE WHEN n %% 3 = 0 THEN 'en' ELSE 'fr' END, true, %(updates)s, 'page', 1, 1,
           CASE WHEN %(state)s::text <> 'pending' THEN now() END, nextval('confirmation_numbers')
    FROM petitions p, generate_series(1, %(n)s::int) AS n
"""
MAILING = """---
name: Vingt mille
petitions: [internet-en-prison]
undo_minutes: 0
failure_limit: 50
---
# fr: Des nouvelles, {{ name }}

> La suite.

Bonjour {{ name }},

Merci.

# en: News, {{ name }}

> What follows.

Hello {{ name }},

Thank you.
"""


@pytest.fixture
def postgres(tmp_path):
    tmp_path.chmod(0o755)
    engine = Postgres(tmp_path)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def app_processes(tmp_path, postgres, broker, mail_server):
    parts = AppProcesses(tmp_path, postgres.url, broker.url, mail_server.controller.port)
    assert parts.petition("db", "upgrade").returncode == 0
    yield parts
    parts.stop()


def plain(postgres):
    return postgres.url.replace("postgresql+psycopg://", "postgresql://")


def ask(postgres, query):
    try:
        with psycopg.connect(plain(postgres), connect_timeout=5) as connection:
            return connection.execute(query).fetchall()
    except psycopg.OperationalError:
        return []


def populate(app_processes, postgres, recipients):
    create = app_processes.petition("petitions", "create", str(ROOT / "petition/demo/internet-en-prison.md"), "--open")
    assert create.returncode == 0, create.stderr
    with psycopg.connect(plain(postgres)) as connection:
        for kind, state, updates, n in (
            ("yes", "confirmed", True, recipients),
            ("no", "confirmed", False, NON_RECIPIENTS),
            ("pending", "pending", True, NON_RECIPIENTS),
            ("withdrawn", "withdrawn", True, NON_RECIPIENTS),
        ):
            connection.execute(SIGNERS, {"kind": kind, "state": state, "updates": updates, "n": n})
        connection.execute("ANALYZE")


def begin_mailing(app_processes, postgres, mail_server):
    """Have the mailing written, tested and sent, all from the terminal; returns its number."""
    (app_processes.folder / "mailing.md").write_text(MAILING)
    assert app_processes.petition("team", "invite", "alix@example.net", "--role", "sender").returncode == 0
    made = app_processes.petition("mailings", "create", str(app_processes.folder / "mailing.md"))
    assert f"{RECIPIENTS:,} recipients" in made.stdout, made.stdout + made.stderr
    tested = app_processes.petition("mailings", "test", "1", "--to", "alix@example.net")
    assert tested.returncode == 0, tested.stderr
    wait_for(lambda: mail_server.addresses.count("alix@example.net") >= 3, 60, "the invitation and both tests")
    recorded = "SELECT 1 FROM deliveries WHERE kind = 'mailing_test' HAVING bool_and(state = 'sent')"
    wait_for(lambda: ask(postgres, recorded), 30, "the tests on record")
    sent = app_processes.petition("mailings", "send", "1", "--yes")
    assert sent.returncode == 0, sent.stderr


def wait_for_share(mail_server, share):
    wait_for(lambda: len(mail_server.accepted) >= share * RECIPIENTS, TIMEOUT_SECONDS, f"{share:.0%} of the mailing")


def test_each_recipient_once_whatever_dies(app_processes, postgres, broker, mail_server):
    populate(app_processes, postgres, RECIPIENTS)
    mail_server.parses_messages = False
    app_processes.worker()
    app_processes.beat()
    begin_mailing(app_processes, postgres, mail_server)
    kills = 0
    for share in (0.15, 0.35, 0.6):
        wait_for_share(mail_server, share)
        app_processes.end("worker", signal.SIGKILL)
        kills += 1
        app_processes.worker()
        if share == 0.35:
            postgres.stop()
            postgres.start()
    broker.stop()
    broker.start()
    wait_for(
        lambda: ask(postgres, "SELECT 1 FROM mailings WHERE state = 'sent'"), TIMEOUT_SECONDS, "the end of the mailing"
    )
    assert app_processes.running["worker"].poll() is None, "a broker that was restarted ends no worker"

    mailed = Counter(address for address in mail_server.addresses if address != "alix@example.net")
    wanted = {f"yes{n}@example.org" for n in range(1, RECIPIENTS + 1)}
    unknown = {row[0] for row in ask(postgres, """
        SELECT s.email FROM deliveries d JOIN signatures s ON s.id = d.subject_id
        WHERE d.kind = 'mailing' AND d.state = 'unknown'""")}  # fmt: skip
    assert [address for address, n in mailed.items() if n > 1] == []
    assert set(mailed) - wanted == set(), "somebody who did not agree was mailed"
    assert wanted - set(mailed) <= unknown, "somebody was forgotten"
    assert len(unknown) <= kills * THREADS * BEGUN
    report = json.loads(app_processes.petition("mailings", "report", "1", "--json").stdout)
    assert report["states"]["unknown"] == len(unknown)
    assert report["states"]["sent"] + len(unknown) == RECIPIENTS == report["recipients"]
    failures = json.loads(app_processes.petition("queue", "failures", "--json").stdout)
    listed = failures["groups"] if isinstance(failures, dict) else failures
    assert sum(group["n"] for group in listed if group["state"] == "unknown") == len(unknown)
