"""The database put back from a dump: what came after it is gone, no email goes to anybody else, and signing goes on."""

import subprocess
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from factories import make_petition
from running import wait_for

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.embedded.postgres import _binaries

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("restore")]


def test_a_dump_is_restored(parts, database_url, tmp_path, mail_server, worker_number):
    url, folder = urlsplit(database_url), tmp_path / "petition.dump"
    login = ["-h", unquote(url.query.removeprefix("host=")), "-U", "petition"]
    site = parts.site

    def tool(name, *words):
        subprocess.run([_binaries() / name, *login, *words], check=True, timeout=60)

    def sign(*names):
        for n, name in enumerate(names):
            form = {"name": name, "email": f"{name}@example.org", "listed": "1"}
            assert site.ask("POST", "/p/jardin/sign", form=form, network=n).status == 303

    def confirm(name):
        wait_for(lambda: f"{name}@example.org" in mail_server.addresses, 20, "the link")
        return site.ask("POST", mail_server.link_to(f"{name}@example.org")).status

    def unsent():
        db.session.rollback()
        return db.session.query(Delivery).filter(Delivery.state != "sent").count()

    def start():
        parts.web()
        parts.worker()
        parts.beat()

    make_petition()
    start()
    sign("anna", "boris")
    assert confirm("anna") == 303
    wait_for(lambda: "boris@example.org" in mail_server.addresses, 20, "the link")
    wait_for(
        lambda: db.session.rollback() or not db.session.query(Delivery).filter(Delivery.state != "sent").count(), 20
    )
    tool("pg_dump", "-Fc", "-d", url.path.strip("/"), "-f", str(folder))
    sign("clara", "denis")
    assert confirm("clara") == 303
    personal = mail_server.link_to("clara@example.org")
    for name in list(parts.running):
        parts.end(name)

    restored = f"restored_{worker_number}"
    tool("dropdb", "--if-exists", "--force", restored)
    tool("createdb", restored)
    tool("pg_restore", "--exit-on-error", "--single-transaction", "-d", restored, str(folder))
    parts.environ["DATABASE_URL"] = database_url.replace(url.path, f"/{restored}")
    said = parts.petition("db", "restored")
    assert "go on with numbers" in said.stdout, said.stderr
    assert parts.petition("queue", "pause", "all").returncode == 0
    before = len(mail_server.addresses)
    start()
    assert site.count("jardin")["confirmed"] == 1
    assert confirm("boris") == 303, "links that left before the backup are good"
    sign("emil", "fanny")
    assert [site.ask("GET", mail_server.link_to(f"{name}@example.org")).status for name in ("clara", "denis")] == [
        410
    ] * 2
    assert site.ask("GET", personal).status == 410
    assert len(mail_server.addresses) == before, "nothing leaves while the lanes are held"
    assert parts.petition("queue", "resume", "all").returncode == 0
    assert confirm("emil") == confirm("fanny") == 303
    assert site.ask("GET", mail_server.link_to("clara@example.org")).status == 410, "not another one's signature"
    assert mail_server.addresses.count("anna@example.org") == 1
    with psycopg.connect(parts.environ["DATABASE_URL"].replace("+psycopg", "")) as database:
        assert {row[0] for row in database.execute("SELECT name FROM signatures")} == {"anna", "boris", "emil", "fanny"}
    parts.stop()
    tool("dropdb", "--force", restored)
