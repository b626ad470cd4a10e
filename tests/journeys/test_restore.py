"""A database restored from a dump: links of lost rows reach nobody else, signing works, and nobody who left is back."""

import json
import subprocess
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from support.api_tokens import make_token
from support.factories import make_mailing, make_petition
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
        subprocess.run([_find_binaries() / name, *login, *arguments], check=True, timeout=240)

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
    ended = app_processes.petition("backup", "restored", "--without-journal")
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


LEAVERS = ("erased", "withdrawn", "unsubscribed", "disowned", "unlisted", "not_shared")


def test_an_old_backup_brings_nobody_back(app_processes, database_url, tmp_path, mail_server, worker_number):
    """A backup from the middle of a campaign, restored after people left, and a mailing to all who agreed to news."""
    url, dump, journal = urlsplit(database_url), tmp_path / "petition.dump", tmp_path / "journal.jsonl"
    login = ["-h", unquote(url.query.removeprefix("host=")), "-U", "petition"]
    site = app_processes.site
    app_processes.environ["PETITION_JOURNAL"] = str(journal)

    def run_tool(name, *arguments):
        subprocess.run([_find_binaries() / name, *login, *arguments], check=True, timeout=240)

    def start():
        app_processes.web()
        app_processes.worker()
        app_processes.beat()

    def act(name, action, **form):
        assert site.request("POST", f"{personal[name]}/{action}", form=form).status in (200, 303), name

    petition = make_petition(passes_on_to="Les voisins solidaires")
    make_mailing(petition, texts={"fr": {"subject": "Des nouvelles", "body": "Merci."}})
    _, headers = make_token("signatures:read")
    start()
    boxes = site.get("/api/v1/petitions/jardin/consents").json
    [wording] = [box["wording"] for box in boxes if box["field"] == "passed_on"]
    personal, confirm_links = {}, {}
    names = ("anna", "boris", *LEAVERS)
    for n, name in enumerate(names):
        form = {"name": name, "email": f"{name}@example.org", "listed": "1", "updates": "1"}
        form |= {"passed_on": "1", "passing_on_wording": wording}
        assert site.request("POST", "/p/jardin/sign", form=form, network=n).status == 303
    for name in names:
        wait_for(lambda name=name: f"{name}@example.org" in mail_server.addresses, 20, "the link")
        confirm_links[name] = mail_server.link_to(f"{name}@example.org")
        personal[name] = urlsplit(site.confirm(confirm_links[name]).headers["Location"]).path
    assert site.count("jardin")["confirmed"] == len(names)
    run_tool("pg_dump", "-Fc", "-d", url.path.strip("/"), "-f", str(dump))

    act("erased", "erase")
    act("withdrawn", "withdraw")
    act("unsubscribed", "updates")
    act("unlisted", "display")
    act("not_shared", "passing-on")
    assert site.request("POST", f"{confirm_links['disowned']}/disown", form={"sure": "yes"}).status == 200
    wait_for(lambda: journal.exists() and len(journal.read_text().splitlines()) == len(LEAVERS), 30, "the journal")
    assert {json.loads(line)["act"] for line in journal.read_text().splitlines()} == set(LEAVERS)
    assert not any(name in journal.read_text() for name in ("anna", "@", "example"))
    for name in list(app_processes.running):
        app_processes.end(name)

    restored = f"old_backup_{worker_number}"
    run_tool("dropdb", "--if-exists", "--force", restored)
    run_tool("createdb", restored)
    run_tool("pg_restore", "--exit-on-error", "--single-transaction", "-d", restored, str(dump))
    app_processes.environ["DATABASE_URL"] = database_url.replace(url.path, f"/{restored}")
    with journal.open("a") as file:
        file.write('{"id":99,"act":"era')  # the disk broke in the middle of a line
    drill = app_processes.petition("backup", "drill")
    assert drill.returncode == 0, drill.stdout + drill.stderr
    assert "6 later than the backup" in drill.stdout
    ended = app_processes.petition("backup", "restored")
    assert "1 broken lines were left out (7)" in ended.stdout, ended.stdout + ended.stderr
    assert "Journal: 6 entries, 6 later than the backup" in ended.stdout
    again = app_processes.petition("backup", "restored")
    assert "6 entries, 0 later than the backup; rows changed: none" in again.stdout, "twice is harmless"
    drill = app_processes.petition("backup", "drill")
    assert (drill.returncode, drill.stderr) == (0, ""), drill.stdout
    start()
    assert site.count("jardin")["confirmed"] == len(names) - 3
    listed = site.get("/api/v1/petitions/jardin/signatories").json["items"]
    assert {item["name"] for item in listed} == {"anna", "boris", "unsubscribed"}  # an odd name waits for review
    passed_on = site.request("GET", "/api/v1/petitions/jardin/signatures", **headers).json["items"]
    assert {item["name"] for item in passed_on} == {"anna", "boris", "unsubscribed", "unlisted"}
    assert site.get(personal["erased"]).status in (404, 410)
    with psycopg.connect(app_processes.environ["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as database:
        states = dict(database.execute("SELECT name, state FROM signatures").fetchall())
        before = len(mail_server.addresses)
        database.execute("UPDATE mailings SET state = 'scheduled', send_at = now()")
        wait_for(
            lambda: database.execute("SELECT state FROM mailings").fetchone() == ("sent",), 40, "the end of the mailing"
        )
    assert states == {
        "anna": "confirmed", "boris": "confirmed", "unsubscribed": "confirmed", "unlisted": "confirmed",
        "not_shared": "confirmed", "withdrawn": "withdrawn", "disowned": "disowned",
    }  # fmt: skip
    mailed = ("anna", "boris", "not_shared", "unlisted")
    assert sorted(mail_server.addresses[before:]) == [f"{name}@example.org" for name in mailed]
    app_processes.stop()
    run_tool("dropdb", "--force", restored)
