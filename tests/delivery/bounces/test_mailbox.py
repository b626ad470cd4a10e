import mailbox
import os
import time

import pytest
from sqlalchemy.exc import OperationalError
from support.bounce_reports import make_notification

from petition.core.db import db
from petition.delivery.bounces import mailbox as bounce_mailbox
from petition.delivery.bounces.mailbox import poll_mailbox
from petition.delivery.bounces.models import Bounce, BounceMailboxState
from petition.delivery.composers import return_path


@pytest.fixture
def inbox(app, delivery, tmp_path, monkeypatch):
    """Return the Maildir of the settings, with two bounces and another message."""
    inbox = mailbox.Maildir(tmp_path / "in", create=True)
    for text in ("one", "two"):
        inbox.add(make_notification(return_path(delivery.id), diagnostic=f"smtp; 550 {text}"))
    inbox.add(b"not a report")
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", f"maildir://{tmp_path}/in")
    return inbox


def test_maildir_is_processed_once(inbox):
    assert [poll_mailbox(), poll_mailbox()] == [3, 0]
    assert sorted(bounce.kind for bounce in db.session.query(Bounce)) == ["not_understood", "permanent", "permanent"]
    assert len(inbox.get_folder("Processed")) == 3


def test_message_that_cannot_be_recorded_stays_in_the_inbox_and_is_counted_once(inbox, monkeypatch):
    process = bounce_mailbox.process_message
    calls = []

    def fail_on_second(raw, source):
        calls.append(raw)
        if len(calls) == 2:
            raise OperationalError("", {}, Exception("the database went away"))
        return process(raw, source)

    monkeypatch.setattr(bounce_mailbox, "process_message", fail_on_second)
    with pytest.raises(OperationalError):
        poll_mailbox()
    db.session.rollback()
    assert len(inbox) == 2
    assert poll_mailbox() == 2
    assert db.session.query(Bounce).count() == 3


def test_no_mailbox_is_polled_without_the_setting(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", None)
    assert poll_mailbox() == 0


def test_maildir_message_that_cannot_be_processed_does_not_stop_those_behind_it(inbox, monkeypatch):
    process = bounce_mailbox.process_message

    def fail(raw, source):
        if b"not a report" in raw:
            raise ValueError("cannot be processed")
        return process(raw, source)

    monkeypatch.setattr(bounce_mailbox, "process_message", fail)
    assert poll_mailbox() == 2
    assert (len(inbox), len(inbox.get_folder("Failed")), len(inbox.get_folder("Processed"))) == (0, 1, 2)
    state = db.session.query(BounceMailboxState).one()
    assert (state.problem, state.waiting, state.failed) == ("", 0, 1)


def test_processed_messages_are_deleted_after_thirty_days(inbox):
    poll_mailbox()
    processed = inbox.get_folder("Processed")
    for name in processed.keys()[:2]:
        path = processed._path + "/" + processed._lookup(name)
        os.utime(path, (0, time.time() - 31 * 86_400))
    poll_mailbox()
    assert len(inbox.get_folder("Processed")) == 1


def test_folder_that_may_not_be_read_is_a_state(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", "maildir:///proc/nowhere")
    assert poll_mailbox() == 0
    state = db.session.query(BounceMailboxState).one()
    assert (state.problem != "", state.since is not None) == (True, True)
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", None)
    poll_mailbox()
    assert db.session.query(BounceMailboxState).count() == 0
