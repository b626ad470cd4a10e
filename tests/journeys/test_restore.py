"""A database restored from a dump: later rows are lost, their links reach nobody else, and signing works."""

import subprocess
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from support.factories import make_petition
from support.waiting import wait_for

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.local_stack.postgres import _find_binaries

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("restore")]


def test_a_dump_is_restored(app_processes, database_url, tmp_path, mail_server, worker_number):
    url, folder = urlsplit(database_url), tmp_path / "petition.dump"
    login = ["-h", unquote(url.query.removeprefix("host=")), "-U", "petition"]
    site = app_processes.site

    def run_tool(name, *arguments):
        subprocess.run([_find_binaries() / name, *login, *arguments], check=True, timeout=60)

    def sign(*names):
        for n, name in enumerate(names):
            form = {"name": name, "email": f"{name}@example.org", "listed": "1"}
            assert site.request("POST", "/p/jardin/sign", form=form, network=n).status == 303

    def confirm(name):
        wait_for(lambda: f"{name}@example.org" in mail_server.addresses, 20, "the link")
        return site.confirm(mail_server.link_to(f"{name}@example.org")).status

    def unsent():
        db.session.rollback()
        return db.session.query(Delivery).filter(Delivery.state != "sent").count()

    def start():
        app_processes.web()
        app_processes.worker()
        app_processes.beat()

    make_petition()
    start()
    sign("anna", "boris")
    assert confirm("anna") == 303
    wait_for(lambda: "boris@example.org" in mail_server.addresses, 20, "the link")
    wait_for(
        lambda: db.session.rollback() or not db.session.query(Delivery).filter(Delivery.state != "sent").count(), 20
    )
    run_tool("pg_dump", "-Fc", "-d", url.path.strip("/"), "-f", str(folder))
    sign("clara", "denis")
    assert confirm("clara") == 303
    wait_for(lambda: "denis@example.org" in mail_server.addresses, 20, "the link")
    personal = mail_server.link_to("clara@example.org")
    for name in list(app_processes.running):
        app_processes.end(name)

    restored = f"restored_{worker_number}"
    run_tool("dropdb", "--if-exists", "--force", restored)
    run_tool("createdb", restored)
    run_tool("pg_restore", "--exit-on-error", "--single-transaction", "-d", restored, str(folder))
    app_processes.environ["DATABASE_URL"] = database_url.replace(url.path, f"/{restored}")
    ended = app_processes.petition("db", "skip-ids")
    assert ended.stdout.startswith("Skipped 10,000,000 ids in each of"), ended.stderr
    assert app_processes.petition("queue", "pause", "all").returncode == 0
    before = len(mail_server.addresses)
    start()
    assert site.count("jardin")["confirmed"] == 1
    assert confirm("boris") == 303, "links that left before the backup are good"
    sign("emil", "fanny")
    assert [site.request("GET", mail_server.link_to(f"{name}@example.org")).status for name in ("clara", "denis")] == [
        410
    ] * 2
    assert site.request("GET", personal).status == 410
    assert len(mail_server.addresses) == before, "nothing is sent while the queues are paused"
    assert app_processes.petition("queue", "resume", "all").returncode == 0
    assert confirm("emil") == confirm("fanny") == 303
    assert site.request("GET", mail_server.link_to("clara@example.org")).status == 410, "not another one's signature"
    assert mail_server.addresses.count("anna@example.org") == 1
    with psycopg.connect(app_processes.environ["DATABASE_URL"].replace("+psycopg", "")) as database:
        assert {row[0] for row in database.execute("SELECT name FROM signatures")} == {"anna", "boris", "emil", "fanny"}
    app_processes.stop()
    run_tool("dropdb", "--force", restored)
