"""Invitations, the first and the last admin, pages for admins, and the commands."""

import json
import re
from datetime import timedelta

import pytest
from click.testing import CliRunner
from support.factories import make_account, post_form, sign_in

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.delivery.worker import run_queue
from petition.team import accounts, audit, links
from petition.team.cli import team
from petition.team.models import Account, AuditEvent

PASSWORD = "four words are enough"


def path_in(text):
    return re.search(r"/account/welcome/\S+", text)[0]


def accept(client, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]
    values = {"name": "Zoé", "password": PASSWORD, "again": PASSWORD, **fields}
    return client.post(path, data={"csrf_token": token, **values})


def test_invitation_is_mailed_and_accepted_once(client, sent_emails):
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


def test_newer_invitation_invalidates_the_older(client, sent_emails):
    old = links.invitation_url(accounts.invite("zoe@example.org", {"operator"}))
    new = links.invitation_url(accounts.invite("zoe@example.org", {"sender"}))
    db.session.commit()
    assert client.get(path_in(old)).status_code == 410
    assert client.get(path_in(new)).status_code == 200
    run_queue("notifications")
    assert len(sent_emails) == 1


def test_first_link_creates_one_admin_and_is_invalid_afterwards(client):
    first, second = links.first_admin_url(), links.first_admin_url()
    assert accept(client, path_in(first), address="nobody").status_code == 422
    assert accept(client, path_in(first), address="alix@example.org").status_code == 303
    assert client.get("/account/people").status_code == 200
    for link in (first, second):
        assert client.get(path_in(link)).status_code == 410
    assert links.first_admin_url() is None


def test_expired_link_is_invalid(client, monkeypatch):
    link = links.invitation_url(accounts.invite("zoe@example.org", {"operator"}))
    db.session.commit()
    monkeypatch.setattr(links, "LINK_TTL", links.LINK_TTL * 0)
    assert client.get(path_in(link)).status_code == 410


def test_last_admin_cannot_be_removed(app):
    account = make_account(role_names=["admin"], password=PASSWORD)
    with pytest.raises(accounts.LastAdmin):
        accounts.set_roles(account, {"operator"})
    with pytest.raises(accounts.LastAdmin):
        accounts.set_active(account, False)
    make_account(email="b@example.org", role_names=["admin"], password=PASSWORD)
    accounts.set_active(account, False)
    assert not account.active


def test_admin_invites_changes_and_disables_members(client, sent_emails):
    sign_in(client, "admin", password=PASSWORD)
    assert post_form(client, "/account/people", address="zoe@example.org", role="operator").status_code == 303
    assert post_form(client, "/account/people", address="nonsense", role="operator").status_code == 422
    assert post_form(client, "/account/people", address="b@example.org").status_code == 422
    zoe = accounts.get_by_email("zoe@example.org")
    assert post_form(client, f"/account/people/{zoe.id}", role="sender").status_code == 303
    assert post_form(client, f"/account/people/{zoe.id}/disable").status_code == 303
    db.session.expire_all()
    assert (zoe.role_names, zoe.active) == (["sender"], False)
    page = client.get("/account/audit?subject=account")
    assert "roles.changed" in page.text
    assert client.get("/account/audit?action=nothing-like-it").status_code == 200
    page = client.get("/account/audit?lang=en").text
    assert '<option value="disabled">… deactivated the account of …</option>' in page
    page = client.get(f"/account/audit?action=disabled&subject={zoe.id}").text
    assert '<option value="disabled" selected>' in page
    assert page.count("<tr><td") == 1
    me = accounts.get_by_email("admin@example.org")
    assert post_form(client, f"/account/people/{me.id}/disable").status_code == 422


@pytest.mark.usefixtures("within_one_hour")
def test_audit_trail_is_paginated_and_filtered(app):
    for n in range(60):
        audit.record("tested", "subject", n, actor="a@example.org" if n % 2 else "b@example.org")
    newest = audit.list_events(audit.AuditFilter())
    assert [event.subject_id for event in newest.items] == [str(n) for n in range(59, 9, -1)]
    older = audit.list_events(audit.AuditFilter(), int(newest.next))
    assert [event.subject_id for event in older.items] == [str(n) for n in range(9, -1, -1)]
    assert older.next is None
    assert len(audit.list_events(audit.AuditFilter(actor="a@example.org")).items) == 30
    today = clock.now().date()
    assert audit.list_events(audit.AuditFilter(since=today, until=today)).items
    assert not audit.list_events(audit.AuditFilter(until=today - timedelta(days=1))).items
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


def test_commands(app):
    invited = run(app, "invite", "zoe@example.org", "--role", "operator", "--print-link")
    assert invited.exit_code == 0, invited.output
    assert "/account/welcome/" in invited.output
    assert run(app, "role", "zoe@example.org", "+sender", "-operator").exit_code == 0
    listed = json.loads(run(app, "list", "--json").output)
    assert [(row["address"], row["roles"], row["state"]) for row in listed] == [
        ("zoe@example.org", ["sender"], "invited")
    ]
    assert "zoe@example.org" in run(app, "list").output
    zoe = accounts.get_by_email("zoe@example.org")
    zoe.tf_primary_method, zoe.tf_totp_secret = "authenticator", "secret"
    db.session.commit()
    assert run(app, "reset-second-factor", "Zoe@example.org").exit_code == 0
    assert not accounts.get_by_email("zoe@example.org").has_second_factor
    assert run(app, "reset-second-factor", "nobody@example.org").exit_code == 1
    assert run(app, "disable", "zoe@example.org").exit_code == 0
    assert run(app, "disable", "nobody@example.org").exit_code == 1
    assert run(app, "role", "zoe@example.org", "+king").exit_code == 1
    assert run(app, "invite", "not an address", "--role", "operator").exit_code == 1
    actors = {event.actor for event in db.session.query(AuditEvent)}
    assert all(actor.startswith("terminal:") for actor in actors)


def test_unknown_address_is_not_found(app):
    assert accounts.find_by_email("nobody@example.org") is None
    with pytest.raises(NotFound, match=r"nobody@example\.org"):
        accounts.get_by_email("nobody@example.org")


def test_invitation_of_a_member_or_to_no_role_is_rejected(app):
    make_account(email="zoe@example.org", password=PASSWORD)
    with pytest.raises(accounts.AlreadyMember):
        accounts.invite("Zoe@example.org", {"operator"})
    for address, roles in (("b@example.org", set()), ("b@example.org", {"king"}), ("nonsense", {"operator"})):
        with pytest.raises(ValidationError):
            accounts.invite(address, roles)


def test_all_errors_of_the_first_account_are_shown_together(app):
    with pytest.raises(ValidationError) as raised:
        accounts.accept_invitation(None, "short", " ", "nonsense")
    assert raised.value.errors.keys() == {"name", "password", "address"}


def test_profile_changes_name_and_language(client):
    account = sign_in(client, "operator")
    assert post_form(client, "/account/", name=" Zoé ", language="en").status_code == 303
    db.session.refresh(account)
    assert (account.name, account.language) == ("Zoé", "en")
    for name, language in (("", "en"), ("x" * 121, "en"), ("Zoé", "xx")):
        assert post_form(client, "/account/", name=name, language=language).status_code == 422


def test_events_name_the_account_that_made_the_request(client):
    admin = sign_in(client, "admin", password=PASSWORD)
    post_form(client, "/account/people", address="zoe@example.org", role="operator")
    event = audit.find_latest("account", accounts.get_by_email("zoe@example.org").id)
    assert (event.action, event.account_id, event.actor) == ("invited", admin.id, "admin@example.org")


def test_events_outside_of_requests_name_the_user_of_the_terminal(app):
    audit.record("tested", "subject", 1)
    assert audit.find_latest("subject", 1).actor.startswith("terminal")


def test_invitation_names_who_invites_the_organisation_and_the_roles(client, sent_emails, monkeypatch):
    monkeypatch.setitem(client.application.config, "PETITION_ORGANISATION", "Les amis du jardin")
    sign_in(client, "admin", password=PASSWORD, name="Alix Morel")
    answer = post_form(client, "/account/people", address="zoe@example.org", role="campaigner", language="en")
    assert "Rôles\u202f: Campagne." in client.get(answer.headers["Location"]).text
    run_queue("notifications")
    (mail,) = sent_emails
    for body in (mail.body, mail.html):
        assert "Alix Morel invites you to join the team" in body.replace("\n", " ")
        assert "Les amis du jardin" in body
        assert "Campaigner: manages petitions and their signatures" in body.replace("\n", " ")
    page = client.application.test_client().get(path_in(mail.body) + "?lang=en").text
    assert "Alix Morel invites you to the team of Les amis du jardin." in page
    assert "Campaigner: manages petitions and their signatures" in page


def test_invitation_by_command_names_nobody(client, sent_emails):
    accounts.invite("zoe@example.org", {"sender"}, language="en")
    db.session.commit()
    run_queue("notifications")
    assert "You are invited to join the team" in sent_emails[0].body.replace("\n", " ")


def test_changed_roles_of_who_is_invited_are_mailed_and_said(client, sent_emails):
    sign_in(client, "admin", password=PASSWORD)
    post_form(client, "/account/people", address="zoe@example.org", role="operator", language="en")
    run_queue("notifications")
    zoe = accounts.get_by_email("zoe@example.org")
    assert "has not been accepted yet" in client.get(f"/account/people/{zoe.id}?lang=en").text
    post_form(client, f"/account/people/{zoe.id}", role="sender")
    assert "reçoit de nouveau l’invitation" in client.get("/account/people").text
    run_queue("notifications")
    assert len(sent_emails) == 2
    assert "Sender: sends follow-up mailings" in sent_emails[1].body.replace("\n", " ")
    assert client.application.test_client().get(path_in(sent_emails[0].body)).status_code == 200, "the link stays"
    post_form(client, f"/account/people/{zoe.id}", role="sender")
    assert run_queue("notifications") == 0, "nothing changed, nothing is sent"
