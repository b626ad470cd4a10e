"""A replica that is read in place of the database: late, away, and never in the way of a signature."""

import csv
import signal
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psutil
import psycopg
import pytest
from support.app_processes import AppProcesses
from support.postgres_standby import Standby
from support.settings import ROOT
from support.waiting import wait_for

from petition.local_stack.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("replica")]
SLUG = "internet-en-prison"


@pytest.fixture
def cluster(tmp_path):
    for part in ("primary", "standby"):
        (tmp_path / part).mkdir(mode=0o755)
    primary = Postgres(tmp_path / "primary")
    standby = Standby(tmp_path / "standby", primary)
    with primary, standby:
        yield primary, standby


def test_lists_come_from_the_replica_and_signing_does_not(tmp_path, cluster, broker, mail_server):
    primary, standby = cluster
    parts = AppProcesses(tmp_path, primary.url, broker.url, mail_server.controller.port)
    parts.environ["DATABASE_REPLICA_URL"] = standby.url
    assert parts.petition("db", "upgrade").returncode == 0
    made = parts.petition("petitions", "create", str(ROOT / f"petition/demo/{SLUG}.md"), "--open")
    assert made.returncode == 0, made.stderr
    try:
        parts.worker()
        parts.beat()
        parts.web()
        _play(parts, standby, mail_server)
    finally:
        parts.stop()


def _play(app_processes, standby, mail_server):
    site = app_processes.site

    def confirm(n):
        """Sign and confirm through the pages."""
        form = {"name": f"Zoé {chr(ord('A') + n)}.", "email": f"s{n}@example.org", "listed": "1"}
        assert site.request("POST", f"/p/{SLUG}/sign", form=form, network=n).status == 303
        wait_for(lambda: f"s{n}@example.org" in mail_server.addresses, 20, "the link")
        link = mail_server.link_to(f"s{n}@example.org")
        answer = site.confirm(link, network=n)
        assert answer.status == 303
        assert f"Zoé {chr(ord('A') + n)}." in site.get(answer.headers["Location"]).text, "one's own page is never late"

    def listed():
        return {item["name"] for item in site.get(f"/api/v1/petitions/{SLUG}/signatories").json["items"]}

    def replica_state():
        return site.get("/readyz").json["parts"]["replica"]

    def exported():
        ended = app_processes.petition("signatures", "export", "-", "--columns", "name,state", "--language", "en")
        assert ended.returncode == 0, ended.stderr
        return {row["Name"] for row in csv.DictReader(ended.stdout.lstrip("\ufeff").splitlines())}

    def reads():
        with psycopg.connect(host=str(standby.socket), user="petition", dbname="petition") as there:
            return there.execute(
                "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'signatures'"
            ).fetchone()[0]

    wait_for(lambda: replica_state() == "ok", 20, "an up-to-date replica")
    confirm(1)
    wait_for(lambda: listed() == {"Zoé B."}, 10, "the name in the list")
    before = reads()
    assert exported() == {"Zoé B."}
    wait_for(lambda: reads() > before, 10, "the export on the replica")

    with psycopg.connect(host=str(standby.socket), user="petition", dbname="petition", autocommit=True) as late:
        late.execute("SELECT pg_wal_replay_pause()")
        wait_for(lambda: late.execute("SELECT pg_get_wal_replay_pause_state()").fetchone()[0] == "paused", 10, "pause")
        assert replica_state() == "ok", "a short delay is accepted"
        confirm(2)
        assert site.count()["confirmed"] == 2
        assert listed() == {"Zoé B."}, "read on the replica"
        assert exported() == {"Zoé B.", "Zoé C."}, "an export lacks nothing that was there when it was asked for"
        wait_for(lambda: replica_state() != "ok", 20, "the replica being too late")
        assert site.get("/readyz").json["status"] == "degraded"
        assert listed() == {"Zoé B.", "Zoé C."}
        late.execute("SELECT pg_wal_replay_resume()")
    wait_for(lambda: replica_state() == "ok", 20, "the replica being up to date again")

    server = psutil.Process(standby.process.pid)
    for process in (server, *server.children(recursive=True)):
        process.suspend()
    with ThreadPoolExecutor(8) as readers:
        lists = list(readers.map(lambda _: listed(), range(24)))
    assert lists == [{"Zoé B.", "Zoé C."}] * 24, "who asks for a list is not left hanging"
    confirm(3)
    everybody = {"Zoé B.", "Zoé C.", "Zoé D."}
    assert listed() == exported() == everybody

    for process in (server, *server.children(recursive=True)):
        process.resume()
    standby.process.send_signal(signal.SIGQUIT)
    standby.process.wait(120)
    assert listed() == everybody
    assert "Zoé D." in site.get(f"/p/{SLUG}/signatories").text
    assert replica_state() != "ok"
    standby.start()
    wait_for(lambda: replica_state() == "ok", 20, "the replica being back")
    assert listed() == everybody


def test_signing_follows_the_database_to_the_replica_that_takes_its_place(tmp_path, cluster, broker, mail_server):
    primary, standby = cluster
    places = f"host={quote(str(primary.socket))}&host={quote(str(standby.socket))}"
    url = f"postgresql://petition@/petition?{places}&target_session_attrs=read-write"
    parts = AppProcesses(tmp_path, url, broker.url, mail_server.controller.port)
    assert parts.petition("db", "upgrade").returncode == 0
    made = parts.petition("petitions", "create", str(ROOT / f"petition/demo/{SLUG}.md"), "--open")
    assert made.returncode == 0, made.stderr

    def sign(n):
        form = {"name": f"Zoé {chr(ord('A') + n)}.", "email": f"s{n}@example.org"}
        return parts.site.request("POST", f"/p/{SLUG}/sign", form=form, network=n).status

    def caught_up():
        """Say whether the replica has all that was written: what it lacks is lost with the primary."""
        found = []
        for server, query in ((primary, "pg_current_wal_lsn()"), (standby, "pg_last_wal_replay_lsn()")):
            with psycopg.connect(host=str(server.socket), user="petition", dbname="petition") as there:
                found.append(there.execute(f"SELECT {query} - '0/0'::pg_lsn").fetchone()[0])
        return found[1] >= found[0]

    try:
        parts.worker()
        parts.beat()
        parts.web()
        assert sign(1) == 303
        wait_for(lambda: "s1@example.org" in mail_server.addresses, 20, "the link")
        wait_for(caught_up, 20, "the replica having it all")
        primary.process.send_signal(signal.SIGQUIT)
        primary.process.wait(120)
        assert sign(2) == 503
        with psycopg.connect(host=str(standby.socket), user="petition", dbname="petition") as there:
            assert there.execute("SELECT pg_promote()").fetchone()[0]
        wait_for(lambda: sign(3) == 303, 30, "signing on what was the replica")
        wait_for(lambda: "s3@example.org" in mail_server.addresses, 30, "its link")
        assert parts.site.confirm(mail_server.link_to("s1@example.org")).status == 303
        assert parts.site.count()["confirmed"] == 1
    finally:
        parts.stop()
