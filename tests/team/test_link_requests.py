"""Links to choose a password: asked for alike by everybody, mailed by a worker, few, and none voids another."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update
from support.factories import make_account
from support.team_sign_in import PASSWORD, csrf_token, submit

from petition.core import clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.team import accounts, link_requests, links, tasks
from petition.team.models import AuditEvent, LinkRequest


@pytest.fixture
def account(app):
    return make_account(email="zoe@example.org", password=PASSWORD)


def ask(client, address):
    return submit(client, "/account/forgot", address=address)


def deliver(sent_emails):
    """Process requests and send emails; return the paths of the links sent by then."""
    tasks.run_link_requests()
    run_queue("notifications")
    return [re.search(r"/account/welcome/\S+", mail.body)[0] for mail in sent_emails if "welcome" in mail.body]


def test_request_is_answered_alike_for_every_address(client, account, sent_emails):
    pages = [ask(client, address).text for address in (" ZOE@example.org", "who@example.org")]
    assert len({re.sub(r'nonce="[^"]*"|value="[^"]*"', "", page) for page in pages}) == 1
    assert db.session.query(LinkRequest).count() == 2
    (path,) = deliver(sent_emails)
    assert [mail.recipients for mail in sent_emails] == [["zoe@example.org"]]
    assert db.session.query(LinkRequest).count() == 0, "addresses are not kept"
    assert submit(client, path, name="Zoé", password=PASSWORD, again=PASSWORD).status_code == 303


def test_request_does_not_depend_on_the_account(client, account, monkeypatch):
    """The request makes the same statements for both: what differs is the worker's."""
    monkeypatch.setattr(accounts, "find_by_email", lambda *_, **__: pytest.fail("the account is looked for"))
    assert ask(client, "zoe@example.org").status_code == 200
    assert ask(client, "who@example.org").status_code == 200


def test_later_requests_do_not_void_the_link(client, account, sent_emails):
    ask(client, "zoe@example.org")
    (first,) = deliver(sent_emails)
    for _ in range(3):
        ask(client, "zoe@example.org")
        deliver(sent_emails)
    assert client.get(first).status_code == 200
    paths = deliver(sent_emails)
    assert submit(client, first, name="Zoé", password=PASSWORD, again=PASSWORD).status_code == 303
    assert [client.get(path).status_code for path in paths] == [410] * len(paths)


def test_few_links_an_hour(client, account, sent_emails):
    for _ in range(6):
        assert ask(client, "zoe@example.org").status_code == 200
        deliver(sent_emails)
    assert len(sent_emails) == link_requests.MAX_LINKS
    db.session.execute(update(AuditEvent).values(at=clock.now() - timedelta(hours=1, minutes=1)))
    db.session.commit()
    ask(client, "zoe@example.org")
    deliver(sent_emails)
    assert len(sent_emails) == link_requests.MAX_LINKS + 1


def test_requests_that_wait_together_are_one_email(client, account, sent_emails):
    for _ in range(5):
        ask(client, "zoe@example.org")
    assert len(deliver(sent_emails)) == 1


def test_email_that_waits_is_not_sent_once_the_password_is_changed(client, account, sent_emails):
    ask(client, "zoe@example.org")
    tasks.run_link_requests()
    accounts.accept_invitation(account, PASSWORD, "Zoé")
    db.session.commit()
    assert deliver(sent_emails) == []


def test_invited_and_disabled_accounts(client, account, sent_emails):
    accounts.invite("new@example.org", {"operator"})
    account.active = False
    db.session.commit()
    run_queue("notifications")
    del sent_emails[:]
    for address in ("new@example.org", "zoe@example.org"):
        ask(client, address)
    assert len(deliver(sent_emails)) == 1
    assert sent_emails[0].recipients == ["new@example.org"]


@pytest.mark.parametrize("address", ["zoe", "", "zoe@", "a\0b@example.org", "x" * 70_000])
def test_mistyped_address_is_shown_again(client, address):
    answer = ask(client, address)
    if len(address) > 60_000:
        assert answer.status_code == 413
        return
    assert answer.status_code == 422
    assert f'value="{address}"' in answer.text or "\0" in address
    assert db.session.query(LinkRequest).count() == 0


def test_pages_of_links_are_stored_and_referred_to_nowhere(client, account):
    path = links.invitation_url(account).removeprefix("http://localhost")
    db.session.commit()
    for answer in (client.get(path), submit(client, path), client.get("/account/welcome/none"), ask(client, "zoe")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', answer.text) == []
    assert csrf_token(client.get(path))
