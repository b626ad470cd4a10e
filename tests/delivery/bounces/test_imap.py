"""The bounce mailbox on a real IMAP server (Debian's dovecot): TLS, trouble, folders, thousands of messages."""

import resource

import pytest
from support import dovecot
from support.bounce_reports import make_notification
from support.dovecot import PASSWORD, Dovecot

from petition.core.db import db
from petition.delivery.bounces import mailbox as bounce_mailbox
from petition.delivery.bounces.imap import ImapMailbox, encode_folder
from petition.delivery.bounces.mailbox import poll_mailbox
from petition.delivery.bounces.models import Bounce, BounceMailboxState
from petition.delivery.composers import return_path
from petition.operations.metrics import render_metrics

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not dovecot.is_installed(), reason=dovecot.MISSING)]


@pytest.fixture
def make_server():
    """Return a function that starts a server."""
    started = []

    def make(**options):
        started.append(Dovecot(**options).start())
        return started[-1]

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def use(app, monkeypatch):
    """Return a function that names a server in the settings."""

    def configure(server, *, password=PASSWORD, ca=True, insecure=False, url=None):
        monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", url or server.url)
        monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX_PASSWORD", password)
        monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX_CA", server.ca if ca else None)
        monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX_INSECURE", insecure)

    return configure


def state():
    db.session.expire_all()
    return db.session.query(BounceMailboxState).one()


def notice(delivery, text):
    return make_notification(return_path(delivery.id), diagnostic=f"smtp; 550 {text}")


def test_messages_are_processed_once_and_moved(make_server, use, delivery):
    server = make_server()
    use(server)
    server.deliver(notice(delivery, "one"), notice(delivery, "two"), b"not a report")
    assert poll_mailbox() == 3, server.words
    assert poll_mailbox() == 0
    assert sorted(bounce.kind for bounce in db.session.query(Bounce)) == ["not_understood", "permanent", "permanent"]
    assert (len(server.names()), len(server.names(".Processed"))) == (0, 3)
    assert (state().problem, state().waiting, state().failed) == ("", 0, 0)


def test_folders_are_made_where_the_server_wants_them(make_server, use, delivery):
    server = make_server(prefix="INBOX/")
    use(server)
    server.deliver(notice(delivery, "one"))
    assert poll_mailbox() == 1, server.words
    assert len(server.names(".Processed")) == 1


def test_certificate_of_an_unknown_authority_is_refused_before_the_password_is_sent(make_server, use):
    server = make_server()
    use(server, ca=False)
    assert poll_mailbox() == 0
    assert (state().problem, "certificate not valid" in state().response) == ("tls", True)
    assert "Login" not in server.words


def test_certificate_for_another_name_is_refused(make_server, use):
    server = make_server(host="mail.example.org")
    use(server)
    assert poll_mailbox() == 0
    assert (state().problem, "Hostname mismatch" in state().response) == ("tls", True)
    use(server, insecure=True, ca=False)
    assert poll_mailbox() == 0
    assert state().problem == ""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"password": "wrong"}, "login"),
        ({"url": "imaps://bounces@localhost:1/INBOX"}, "network"),
        ({"url": "nosuch"}, "permission"),
    ],
)
def test_mailbox_that_cannot_be_read_is_a_state_with_the_servers_words(make_server, use, change, problem):
    server = make_server()
    if change.get("url") == "nosuch":
        change = {"url": server.url.replace("INBOX", "nosuch")}
    use(server, **change)
    assert poll_mailbox() == 0
    first = state()
    assert (first.problem, bool(first.response), first.since is not None) == (problem, True, True)
    assert "bounces@" not in first.response
    assert b"petition_bounce_mailbox_up 0.0" in render_metrics()
    since = first.since
    poll_mailbox()
    assert state().since == since, "since when it is so, not since the last poll"
    use(server)
    poll_mailbox()
    assert (state().problem, state().since) == ("", None), server.words
    assert b"petition_bounce_mailbox_up 1.0" in render_metrics()


def test_mailbox_that_is_almost_full_is_a_state_and_read_all_the_same(make_server, use, delivery):
    server = make_server(quota="10K")
    use(server)
    server.deliver(notice(delivery, "x" * 60), b"Subject: large\r\n\r\n" + b"text of a line\r\n" * 800)
    assert poll_mailbox() == 2, server.words
    assert (state().problem, "full" in state().response) == ("full", True)


def test_message_that_cannot_be_read_does_not_stop_those_behind_it(make_server, use, delivery, monkeypatch):
    server = make_server()
    use(server)
    server.deliver(notice(delivery, "one"), b"Subject: bad\r\n\r\nbad", notice(delivery, "two"))
    process = bounce_mailbox.process_message

    def fail(raw, source):
        if b"bad" in raw:
            raise ValueError("cannot be processed")
        return process(raw, source)

    monkeypatch.setattr(bounce_mailbox, "process_message", fail)
    assert poll_mailbox() == 2
    assert (len(server.names()), len(server.names(".Failed"))) == (0, 1)
    assert state().failed == 1
    assert b"petition_bounce_mailbox_failed_messages 1.0" in render_metrics()


def test_connection_that_breaks_is_opened_again(make_server, use, delivery, monkeypatch):
    server = make_server()
    use(server)
    server.deliver(*(notice(delivery, str(n)) for n in range(5)))
    read, reads = ImapMailbox.read, []

    def hang_up(self, key, max_bytes):
        reads.append(key)
        if len(reads) == 3:
            self._client.shutdown()
        return read(self, key, max_bytes)

    monkeypatch.setattr(ImapMailbox, "read", hang_up)
    assert poll_mailbox() == 5, server.words
    assert len(server.names(".Processed")) == 5


def test_processed_messages_are_deleted_after_thirty_days(make_server, use, delivery):
    server = make_server()
    use(server)
    server.deliver(notice(delivery, "old"), age_days=31)
    server.deliver(notice(delivery, "new"))
    assert poll_mailbox() == 2
    assert len(server.names(".Processed")) == 1, server.words


def test_mailbox_of_fifty_thousand_is_read_some_at_a_time(make_server, use, delivery, monkeypatch):
    server = make_server()
    use(server)
    server.deliver(*(f"Subject: {n}\r\n\r\nx\r\n".encode() for n in range(50_000)))
    processed = []
    monkeypatch.setattr(bounce_mailbox, "process_message", lambda raw, source: processed.append(len(raw)))
    monkeypatch.setattr(bounce_mailbox, "MAX_DELETED", 10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert poll_mailbox(seconds=0) == 0
    assert (state().problem, state().waiting) == ("", 50_000), server.words
    for _ in range(2):
        assert poll_mailbox(seconds=3) > 0
    assert state().waiting == 50_000 - len(processed)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000, "kB"


def test_folder_names_are_written_as_imap_wants_them():
    assert encode_folder("Envoyés & reçus") == "Envoy&AOk-s &- re&AOc-us"
