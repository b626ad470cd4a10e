"""Debian's OpenDKIM, set up as docs/deliverability.md says, signs what we send, and the doctor accepts the copy."""

import re
import shutil
import socket
import subprocess

import pytest
from support.dns_server import DnsServer
from support.factories import make_petition, make_signature
from support.mailings import send_mailing
from support.milter import Milter
from support.ports import free_port
from support.settings import ROOT
from support.waiting import wait_for

from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.received_copy import check_copy

PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
DOMAIN = "campagne.fr"
OPENDKIM, GENKEY = (shutil.which(name, path=PATH) for name in ("opendkim", "opendkim-genkey"))
STOCK = "Canonicalization relaxed/simple\nOversignHeaders From\n"  # of Debian's /etc/opendkim.conf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (OPENDKIM and GENKEY), reason="needs Debian's opendkim: apt-get install opendkim opendkim-tools"
    ),
]


@pytest.fixture
def recipe():
    """Return the lines of the page for /etc/opendkim.conf, by their names."""
    page = (ROOT / "docs" / "deliverability.md").read_text()
    lines = re.search(r"In `/etc/opendkim\.conf`:\n\n```\n(.*?)```", page, re.S)[1].splitlines()
    return dict(line.split(None, 1) for line in lines)


@pytest.fixture
def sign_with(tmp_path):
    """Return a function that signs a message by OpenDKIM with a configuration; the key is made as the page says."""
    subprocess.run([GENKEY, "-b", "2048", "-d", DOMAIN, "-s", "s1", "-D", tmp_path], check=True, timeout=240)
    running = []

    def sign(raw, configuration):
        port = free_port()
        file = tmp_path / "opendkim.conf"
        # Without checks of the folder, as /tmp is anybody’s.
        own = f"KeyFile {tmp_path}/s1.private\nSocket inet:{port}@127.0.0.1\nDomain {DOMAIN}\nSelector s1\n"
        file.write_text(
            configuration + own + f"Background no\nPidFile {tmp_path}/pid\nRequireSafeKeys no\n"
        )  # as /tmp is anybody’s
        process = subprocess.Popen([OPENDKIM, "-x", file], stderr=subprocess.PIPE, text=True)
        running.append(process)
        wait_for(lambda: listens(port) or process.poll() is not None, 20, "opendkim")
        assert process.poll() is None, process.stderr.read()
        return Milter(port).pass_message(raw, f"petition@{DOMAIN}", "zoe@orange.fr")

    yield sign
    for process in running:
        process.terminate()
        process.wait(120)
        process.stderr.close()


@pytest.fixture
def resolver(tmp_path, sign_with):
    """A DNS that has the record which opendkim-genkey wrote."""
    server = DnsServer().start()
    record = "".join(re.findall(r'"([^"]*)"', (tmp_path / "s1.txt").read_text()))
    server.zone = {f"s1._domainkey.{DOMAIN} TXT": [record]}
    yield Resolver("127.0.0.1", server.port)
    server.stop()


@pytest.fixture
def mailing(app, sent_emails, monkeypatch):
    """Return an email of a mailing as we send it."""
    monkeypatch.setitem(app.config, "MAIL_DEFAULT_SENDER", f"petition@{DOMAIN}")
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True)
    send_mailing(petition, sent_emails)
    [message] = [email for email in sent_emails if "List-Unsubscribe-Post" in (email.extra_headers or {})]
    message.sender = f"petition@{DOMAIN}"
    return message.as_bytes()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def levels(findings):
    return [(finding.level.value, finding.message()) for finding in findings]


def test_the_recipe_signs_both_headers_of_one_click_and_verifies(sign_with, resolver, recipe, mailing):
    own = ("KeyFile", "Socket", "Domain", "Selector")
    copy = sign_with(mailing, "".join(f"{name} {value}\n" for name, value in recipe.items() if name not in own))
    signed = re.search(rb"[;\s]h=([^;]*);", copy)[1].lower()
    names = re.sub(rb"\s+", b"", signed).split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"message-id"} <= set(names)
    assert names.count(b"from") == names.count(b"subject") == 2, "oversigned: a second one would break the signature"
    assert [level for level, _ in levels(check_copy(resolver, copy))] == ["ok"], levels(check_copy(resolver, copy))
    forged = check_copy(resolver, copy.replace(b"\r\nSubject:", b"\r\nSubject: Another\r\nSubject:", 1))
    assert [level for level, _ in levels(forged)] == ["warning"]


def test_as_installed_it_leaves_out_what_the_doctor_names(sign_with, resolver, mailing):
    found = levels(check_copy(resolver, sign_with(mailing, STOCK)))
    assert [level for level, _ in found] == ["wrong", "wrong"], found
    assert "does not cover message-id" in found[0][1]
    assert "does not cover List-Unsubscribe and List-Unsubscribe-Post" in found[1][1]
