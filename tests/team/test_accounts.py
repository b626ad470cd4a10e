"""Invitations, the first admin, the last one, and the commands."""

import json
import re

import pytest
from click.testing import CliRunner
from support.factories import make_account, post_form, sign_in

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.delivery.worker import run_queue
from petition.team import accounts, audit
from petition.team.cli import team
from petition.team.models import Account, AuditEvent

PASSWORD = "four words are enough"


def path_in(text):
    return re.search(r"/account/welcome/\S+", text)[0]


def accept(client, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]
    values = {"name": "Zoé", "password": PASSWORD, "again": PASSWORD, **fields}
    return client.post(path, data={"csrf_token": token, **values})


def test_an_invitation_is_mailed_opened_and_accepted_once(client, sent_emails):
    accounts.invite("Zoe@Example.org", {"operator"}, language="fr")
    db.session.commit()
    run_queue("notifications")
    (mail,) = sent_emails
    assert mail.recipients == ["zoe@example.org"]
    path = path_in(mail.body)
    assert path in mail.html
    for _ in range(2):
        assert client.get(path).status_code == 200
    assert accept(client, path, again="something else").status_code == 422
    assert accept(client, path, password="short", again="short").status_code == 422
    assert accept(client, path).status_code == 303
    assert client.get("/account/").status_code == 200
    assert client.get(path).status_code == 410
    account = db.session.query(Account).one()
    assert (account.name, account.role_names) == ("Zoé", ["operator"])


def test_a_newer_invitation_voids_the_older(client, sent_emails):
    old = accounts.invitation_url(accounts.invite("zoe@example.org", {"operator"}))
    new = accounts.invitation_url(accounts.invite("zoe@example.org", {"sender"}))
    db.session.commit()
    assert client.get(path_in(old)).status_code == 410
    assert client.get(path_in(new)).status_code == 200
    run_queue("notifications")
    assert len(sent_emails) == 1


def test_the_first_link_makes_one_admin_and_is_void_from_then_on(client):
    first, second = accounts.first_admin_url(), accounts.first_admin_url()
    assert accept(client, path_in(first), address="nobody").status_code == 422
    assert accept(client, path_in(first), address="alix@example.org").status_code == 303
    assert client.get("/account/people").status_code == 200
    for link in (first, second):
        assert client.get(path_in(link)).status_code == 410
    assert accounts.first_admin_url() is None


def test_an_expired_link_is_void(client, monkeypatch):
    link = accounts.invitation_url(accounts.invite("zoe@example.org", {"operator"}))
    db.session.commit()
    monkeypatch.setattr(accounts, "LINK_TTL", accounts.LINK_TTL * 0)
    assert client.get(path_in(link)).status_code == 410


def test_a_forgotten_password_is_answered_alike_for_everybody(client, sent_emails):
    make_account(email="zoe@example.org", password=PASSWORD)

    def ask(address):
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account/forgot").text)[1]
        return client.post("/account/forgot", data={"csrf_token": token, "address": address}).text

    answers = {re.sub(r'nonce="[^"]*"|value="[^"]*"', "", ask(a)) for a in ("zoe@example.org", "who@example.org")}
    assert len(answers) == 1
    run_queue("notifications")
    assert [mail.recipients for mail in sent_emails] == [["zoe@example.org"]]
    assert accept(client, path_in(sent_emails[0].body)).status_code == 303


def test_the_last_admin_stays(app):
    account = make_account(role_names=["admin"], password=PASSWORD)
    with pytest.raises(DomainError):
        accounts.set_roles(account, {"operator"})
    with pytest.raises(DomainError):
        accounts.set_active(account, False)
    make_account(email="b@example.org", role_names=["admin"], password=PASSWORD)
    accounts.set_active(account, False)
    assert not account.active


def test_pages_for_admins(client, sent_emails):
    sign_in(client, "admin", password=PASSWORD)
    assert post_form(client, "/account/people", address="zoe@example.org", role="operator").status_code == 303
    assert post_form(client, "/account/people", address="nonsense", role="operator").status_code == 422
    assert post_form(client, "/account/people", address="b@example.org").status_code == 422
    zoe = accounts.find_by_email("zoe@example.org")
    assert post_form(client, f"/account/people/{zoe.id}", role="sender").status_code == 303
    assert post_form(client, f"/account/people/{zoe.id}/disable").status_code == 303
    db.session.expire_all()
    assert (zoe.role_names, zoe.active) == (["sender"], False)
    page = client.get("/account/audit?subject=account")
    assert "roles.changed" in page.text
    assert client.get("/account/audit?action=nothing-like-it").status_code == 200
    me = accounts.find_by_email("admin@example.org")
    assert post_form(client, f"/account/people/{me.id}/disable").status_code == 422


def test_the_audit_trail_pages_and_filters(app):
    for n in range(60):
        audit.record("tested", "thing", n, actor="a@example.org" if n % 2 else "b@example.org")
    newest = audit.list_events(audit.AuditFilter())
    assert [event.subject_id for event in newest[:2]] == ["59", "58"]
    older = audit.list_events(audit.AuditFilter(), before_id=newest[-1].id)
    assert len(newest) + len(older) == 60
    assert len(audit.list_events(audit.AuditFilter(actor="a@example.org"))) == 30
    today = clock.now().date()
    assert audit.list_events(audit.AuditFilter(since=today, until=today))
    assert db.session.query(AuditEvent).count() == 60


def run(app, *arguments):
    class Here:
        def __enter__(self):
            return app

        def __exit__(self, *_):
            return None

    result = CliRunner().invoke(team, list(arguments), obj=AppProvider(Here))
    db.session.expire_all()
    return result


def test_the_commands(app):
    invited = run(app, "invite", "zoe@example.org", "--role", "operator", "--print-link")
    assert invited.exit_code == 0, invited.output
    assert "/account/welcome/" in invited.output
    assert run(app, "role", "zoe@example.org", "+sender", "-operator").exit_code == 0
    listed = json.loads(run(app, "list", "--json").output)
    assert [(row["address"], row["roles"], row["state"]) for row in listed] == [
        ("zoe@example.org", ["sender"], "invited")
    ]
    assert "zoe@example.org" in run(app, "list").output
    assert run(app, "disable", "zoe@example.org").exit_code == 0
    assert run(app, "disable", "nobody@example.org").exit_code == 1
    assert run(app, "role", "zoe@example.org", "+king").exit_code == 1
    assert run(app, "invite", "not an address", "--role", "operator").exit_code == 1
    actors = {event.actor for event in db.session.query(AuditEvent)}
    assert all(actor.startswith("terminal:") for actor in actors)


def test_who_is_not_there_is_said(app):
    with pytest.raises(NotFound):
        accounts.find_by_email("nobody@example.org")
