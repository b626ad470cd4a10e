"""Follow docs/deployment.md on a throwaway Debian: install, sign, mail, bounce, back up, upgrade, go back, restore."""

import http.client
import json
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from support.bounce_reports import make_notification
from support.brokers import RabbitMQ, rabbitmq_is_installed
from support.debian_trial.machine import Machine, read_blocks
from support.dovecot import PASSWORD, Dovecot
from support.settings import ROOT
from support.smtp_server import SmtpServer
from support.waiting import wait_for

import config
from petition.core import schema

LIMIT = 240  # seconds that a step may take on a busy machine; the bounce mailbox is read each minute
HOST, SLUG = "petition.example.org", "internet-en-prison"
TREE = (
    "config.py",
    "worker.py",
    "wsgi.py",
    "pyproject.toml",
    "setup.py",
    "LICENSE",
    "petition",
    "requirements",
    "deploy",
)
MIGRATION = f'''"""The next version's."""

from alembic import op

revision = "9001"
down_revision = "{schema.head_revision()}"
compatible_from = "{schema.head_revision()}"


def upgrade() -> None:
    """Add a column."""
    op.execute("ALTER TABLE signatures ADD COLUMN next_text TEXT")
'''
MAILING = f"""---
name: First news
petitions: [{SLUG}]
undo_minutes: 0
---

# fr: Des nouvelles

Bonjour {{{{ name }}}}, la lettre est remise.

# en: News

Hello {{{{ name }}}}, the letter was delivered.
"""


class MailServer(SmtpServer):
    """Also keeps the return path of each email."""

    def __init__(self):
        super().__init__()
        self.return_paths = {}

    async def handle_DATA(self, server, session, envelope):
        self.return_paths[envelope.rcpt_tos[0]] = envelope.mail_from
        return await super().handle_DATA(server, session, envelope)


class Trial:
    """The steps, in order; each is printed with its seconds."""

    def __init__(self, folder):
        self.machine, self.began = Machine(folder), time.monotonic()
        self.text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
        self.mail = MailServer().start(1025)
        self.folder = folder

    def section(self, start, end):
        """Return the blocks of commands between two lines of the document."""
        return read_blocks(self.text.partition(start)[2].partition(end)[0])

    def step(self, name):
        print(f"{time.monotonic() - self.began:5.0f} s  {name}", flush=True)

    def run(self):
        install, *others = self.section("### Without Docker", "The units start what Compose starts")
        self.step("engines, user, database")
        for version in ("v0.1.0", "v0.2.0"):
            self.make_version(version)
        # RabbitMQ and dovecot are no part of the blocks: they run beside the machine, on its network.
        self.machine.shell(install)
        self.step("code and packages")
        self.machine.shell(others[0])
        self.step("settings")
        self.machine.shell(others[1])
        self.write_settings()
        self.step("units")
        self.machine.shell(others[2])
        self.step("petition, account, doctor")
        campaign = (ROOT / "petition/demo/internet-en-prison.md").read_text()
        self.machine.write("/root/letter.md", campaign)
        self.machine.write("/root/notice.md", (ROOT / "petition/demo/legal-notice.md").read_text())
        notice, create, invite, doctor = others[3].splitlines()
        self.machine.shell(f"{notice}\n{create}\npetition petitions open {SLUG}")
        assert f"https://{HOST}/" in self.machine.shell(invite)
        # It warns of PostgreSQL's age and of DNS, which is not here; what it must not find is the set-up itself.
        found = self.machine.shell(f"{doctor} || true")
        assert not re.search(r"^wrong +(database|redis|broker|mail server|settings|processes)", found, re.M), found
        self.step("nginx")
        self.start_nginx()
        self.campaign()
        self.upgrade_and_back()
        self.step("bounces from a Maildir, by a worker that may write nowhere else")
        self.read_maildir()
        self.step("done")

    def make_version(self, version):
        """Lay a tree: this code, and as the next version the same with a migration."""
        tree = self.machine.root / "var/tmp" / version
        tree.mkdir()
        for name in TREE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        for junk in [*tree.rglob("__pycache__"), *tree.rglob("*.mo")]:
            shutil.rmtree(junk) if junk.is_dir() else junk.unlink()
        if version == "v0.2.0":
            (tree / "petition/migrations/versions/9001_next.py").write_text(MIGRATION)
            project = (tree / "pyproject.toml").read_text()
            (tree / "pyproject.toml").write_text(re.sub('(?m)^version = ".*"', 'version = "0.2.0"', project))

    def write_settings(self):
        self.dovecot = Dovecot().start()
        lines = [
            self.machine.read("/etc/petition/settings"),
            "MAIL_SERVER=127.0.0.1\nMAIL_PORT=1025\nMAIL_USE_TLS=false\nMAIL_USERNAME=\nMAIL_PASSWORD_FILE=",
            f"PETITION_BOUNCE_MAILBOX={self.dovecot.url}",
            "PETITION_BOUNCE_MAILBOX_PASSWORD_FILE=/etc/petition/bounces_password",
        ]
        self.machine.write("/etc/petition/bounces_password", PASSWORD)
        if "PETITION_BOUNCE_MAILBOX_CA" in config.SETTING_NAMES:
            self.machine.write("/etc/petition/ca.pem", self.dovecot.ca.read_text())
            lines.append("PETITION_BOUNCE_MAILBOX_CA=/etc/petition/ca.pem")
        if rabbitmq_is_installed():
            (self.folder / "rabbitmq").mkdir()
            broker = RabbitMQ(self.folder / "rabbitmq")
            broker.start()
            self.machine.write("/etc/petition/broker_url", broker.url)
            lines.append("BROKER_URL_FILE=/etc/petition/broker_url")
        self.machine.write("/etc/petition/settings", "\n".join(lines) + "\n")
        self.machine.shell("chgrp petition /etc/petition/*; chmod 640 /etc/petition/*")

    def start_nginx(self):
        """Start Debian's nginx with deploy/nginx.conf as it stands, and a certificate of its own."""
        self.machine.shell(
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -keyout /etc/ssl/private/{HOST}.key"
            f" -out /etc/ssl/{HOST}.pem\n"
            "rm -f /etc/nginx/sites-enabled/*\n"
            "cp /srv/petition/src/deploy/nginx.conf /etc/nginx/conf.d/petition.conf\nnginx -t\nnginx"
        )
        wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, LIMIT, "the site")

    def ask(self, method, path, form=None, accept=("text/html",)):
        """Return status, headers and text of a request through nginx."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", 443, timeout=60, context=context)
        headers = {"Host": HOST, "Accept-Language": "fr", "Accept": accept[0]}
        body = urllib.parse.urlencode(form) if form is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        except OSError:
            return 0, {}, ""
        finally:
            connection.close()

    def count(self):
        return json.loads(self.ask("GET", f"/api/v1/petitions/{SLUG}/count")[2])["confirmed"]

    def sign(self, address):
        """Sign and confirm as a person does, with the link that was mailed."""
        form = {"name": "Inès Caron", "email": address, "updates": "1"}
        status, _, text = self.ask("POST", f"/p/{SLUG}/sign", form)
        assert status == 303, text
        wait_for(lambda: address in self.mail.addresses, LIMIT, f"the link to {address}")
        link = self.mail.link_to(address)
        seen = re.search(r'name="seen" value="([^"]+)"', self.ask("GET", link)[2])[1]
        assert self.ask("POST", link, {"seen": seen})[0] == 303

    def campaign(self):
        self.step("sign and confirm")
        for name in ("ana", "zoe", "jean"):
            self.sign(f"{name}@example.net")
        assert self.count() == 3
        self.step("mailing")
        self.machine.write("/root/mailing.md", MAILING)
        self.machine.shell("petition team invite alix@example.net --role sender")
        self.machine.shell("petition mailings create - < mailing.md")
        self.machine.shell("petition mailings test 1 --to alix@example.net")
        wait_for(lambda: self.mail.addresses.count("alix@example.net") >= 3, LIMIT, "the invitation and two tests")
        wait_for(lambda: self.tried("petition mailings send 1 --yes"), LIMIT, "the tests on record")
        wait_for(lambda: len(self.mailings()) == 3, LIMIT, "the mailing")
        self.step("one-click")
        link = re.search(r"<(https://[^>]+)>", self.mailings()["ana@example.net"]["List-Unsubscribe"])[1]
        status, _, text = self.ask("POST", urllib.parse.urlsplit(link).path, {"List-Unsubscribe": "One-Click"})
        assert status in (200, 202, 303), text
        self.step("bounce, by return path, over IMAP with TLS")
        to = self.mail.return_paths["zoe@example.net"]
        assert re.search(r"\+b\d+-", to), to
        self.dovecot.deliver(make_notification(to, failed="zoe@example.net"))
        [bounce] = wait_for(self.bounces, LIMIT, "the bounce")
        assert (bounce["kind"], bounce["status"]) == ("permanent", "5.1.1"), bounce

    def mailings(self):
        return {
            to: message
            for to, message in self.mail.accepted
            if message["List-Unsubscribe"] and to != "alix@example.net"
        }

    def bounces(self):
        return json.loads(self.machine.shell("petition bounces list --json"))

    def tried(self, command):
        try:
            self.machine.shell(command)
        except Exception as error:
            print(str(error)[-300:])
            return False
        return True

    def upgrade_and_back(self):
        upgrade, back = self.section(
            "With systemd, the version before stays installed", "In Compose, `migrate` runs first"
        )
        [backup] = self.section("and without Docker\n", "A dump is what was there")
        [restore] = self.section("or without Docker\n", "`petition db skip-ids` matters")
        self.step("backup")
        self.machine.shell(backup)
        self.step("upgrade")
        assert "Upgraded to 9001." in self.machine.shell(upgrade)
        self.answers("0.2.0")
        self.sign("after-the-upgrade@example.net")
        self.step("back")
        self.machine.shell(back)
        self.answers("0.1.0")
        assert "newer than this code" in self.machine.shell("petition db upgrade")
        self.sign("after-going-back@example.net")
        assert self.count() == 5
        self.step("restore")
        assert "Skipped" in self.machine.shell(restore)
        wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, LIMIT, "the site")
        assert self.count() == 3
        self.machine.shell("petition queue resume all")
        self.sign("after-the-restore@example.net")
        assert self.count() == 4

    def read_maildir(self):
        settings = re.sub("(?m)^PETITION_BOUNCE_MAILBOX.*\n", "", self.machine.read("/etc/petition/settings"))
        self.machine.write(
            "/etc/petition/settings", settings + "PETITION_BOUNCE_MAILBOX=maildir:///var/lib/petition/bounces\n"
        )
        self.machine.shell(
            "install -d -o petition -g petition /var/lib/petition/bounces/{,cur,new,tmp}\n"
            "systemctl restart petition-worker@notifications"
        )
        to = self.mail.return_paths["after-the-restore@example.net"]
        new = "/var/lib/petition/bounces/new"
        self.machine.write(f"{new}/1", make_notification(to, failed="after-the-restore@example.net").decode())
        self.machine.shell(f"chown petition {new}/1")
        wait_for(lambda: not self.machine.shell(f"ls {new}"), LIMIT, "the bounce in the Maildir")
        assert "Read-only" not in self.machine.read("/var/log/trial/petition-worker@notifications")

    def answers(self, version):
        assert version in self.machine.shell("/srv/petition/venv/bin/petition --version")
        wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, LIMIT, "the site")
        assert "Traceback" not in "".join(path.read_text() for path in (self.machine.root / "var/log/trial").iterdir())


if __name__ == "__main__":
    trial = Trial(Path(sys.argv[1]))
    try:
        trial.run()
    except BaseException:
        for path in sorted((trial.machine.root / "var/log/trial").glob("*")):
            print(f"--- {path.name}\n{path.read_text()[-1500:]}")
        subprocess.run(["tail", "-n", "5", trial.machine.root / "var/log/nginx/error.log"], check=False)
        raise
