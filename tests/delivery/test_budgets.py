"""A mailbox, and a small domain, gets no more emails than its budget, whoever asks for them and however."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import func
from support.factories import make_account, make_form, make_petition, make_signature
from support.mailings import make_consenting_signature, make_started_mailing

from petition.core import clock
from petition.core.db import db
from petition.delivery import batch, budgets
from petition.delivery.budgets import delete_expired, reserve_emails
from petition.delivery.composers import is_counted
from petition.delivery.models import Delivery, EmailBudget
from petition.delivery.requeue import requeue
from petition.delivery.tasks import run_retention
from petition.delivery.worker import run_queue
from petition.operations.health.evaluation import evaluate_health
from petition.operations.metrics import render_metrics
from petition.operations.statistics.broker_stats import read_broker_stats
from petition.operations.statistics.rollup import roll_up
from petition.operations.statistics.snapshot import read_facts
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.models import Signature
from petition.signatures.reminders import REMIND_AFTER
from petition.signatures.tasks import run_list_requests, run_release_names, run_reminders
from petition.team import accounts
from petition.team.link_requests import LINKS_WINDOW, process_requests
from petition.team.models import AuditEvent

# A campaign sends them to those who agreed, or to its own team, and says how many.
# Replies are forwarded to the team's own mailbox, 200 a day at most (tests/delivery/bounces/test_replies.py).
EXEMPT_KINDS = {
    "forwarded_reply", "mailing", "mailing_stopped", "mailing_test", "credentials_changed", "retention_announced",
    "team_alert",
}  # fmt: skip
VICTIM, LIMIT = "ann.martin@petite-ville.fr", 3


@pytest.fixture
def limits(app, monkeypatch):
    """Return a function that sets both budgets."""

    def change(mailbox=f"{LIMIT}/day", domain="1000/day"):
        monkeypatch.setitem(app.config, "PETITION_MAILBOX_LIMIT", mailbox)
        monkeypatch.setitem(app.config, "PETITION_DOMAIN_LIMIT", domain)

    change()
    return change


def reserve(*addresses):
    """Return the causes for which emails to these addresses do not leave."""
    beyond = reserve_emails(dict(enumerate(addresses)))
    return [beyond[n].cause if n in beyond else None for n in range(len(addresses))]


def test_a_mailbox_gets_its_emails_in_whatever_spelling(limits):
    spellings = ("zoe@example.org", "Zoe@example.org", "zoe+a@example.org", "zoe+b+c@Example.org")
    assert reserve(*spellings[:2]) == [None, None]
    assert reserve(*spellings) == [None, *["mailbox budget"] * 3]
    assert reserve("z.oe@example.org", "ſoe@example.org") == [None, None], "these are others"
    assert reserve(*["z.o.e@gmail.com", "zoe+x@googlemail.com"] * 2) == [*[None] * 3, "mailbox budget"]


def test_a_single_request_beyond_the_budget_is_capped_from_the_first(limits):
    assert reserve(*["zoe@example.org"] * 5) == [*[None] * 3, *["mailbox budget"] * 2]
    assert db.session.query(EmailBudget.emails, EmailBudget.granted).all() == [(3, 3)]


def test_a_window_starts_with_its_first_email_and_over_again_when_it_is_over(limits):
    assert reserve(*["zoe@example.org"] * 4)[-1] == "mailbox budget"
    db.session.query(EmailBudget).update({"started_at": func.now() - timedelta(hours=23, minutes=59)})
    db.session.commit()
    assert reserve("zoe@example.org") == ["mailbox budget"]
    db.session.query(EmailBudget).update({"started_at": func.now() - timedelta(hours=24, minutes=1)})
    db.session.commit()
    assert reserve(*["zoe@example.org"] * 4) == [*[None] * 3, "mailbox budget"]
    assert reserve("zoe@example.org") == ["mailbox budget"]


def test_a_small_domain_has_a_budget_and_a_large_provider_has_none(limits):
    limits(domain="4/day")
    small = [f"s{n}@{'mail.' * (n % 2)}petite-ville.fr" for n in range(6)]
    assert reserve(*small) == [*[None] * 4, *["domain budget"] * 2]
    for domain in ("gmail.com", "orange.fr", "hotmail.co.uk", "example.org"):
        assert reserve(*[f"s{n}@{domain}" for n in range(6)]) == [None] * 6


def test_a_flood_to_one_mailbox_leaves_the_links_of_others_at_its_domain(limits):
    limits(domain="5/day")
    assert reserve(*[VICTIM] * 20).count(None) == LIMIT
    assert reserve("bea@petite-ville.fr", "carl@petite-ville.fr", "dan@petite-ville.fr") == [
        None,
        None,
        "domain budget",
    ]


def test_concurrent_reservations_grant_no_more_and_do_not_deadlock(app, limits):
    limits(mailbox="40/day", domain="60/day")
    addresses = [f"s{n}@{domain}" for n in range(3) for domain in ("petite-ville.fr", "grande-ville.fr")]

    def ask(n):
        with app.app_context():
            order = addresses if n % 2 else addresses[::-1]
            beyond = reserve_emails(dict(enumerate(order)))
            return [address for position, address in enumerate(order) if position not in beyond]

    with ThreadPoolExecutor(8) as pool:
        granted = [address for got in pool.map(ask, range(60)) for address in got]
    assert max(granted.count(address) for address in addresses) <= 40
    for domain in ("petite-ville.fr", "grande-ville.fr"):
        assert sum(address.endswith(domain) for address in granted) == 60


def test_no_address_is_stored_with_a_budget(limits):
    reserve(VICTIM)
    assert all(re.fullmatch("[0-9a-f]{27}k[0-9a-f]{4}", row.key_hash) for row in db.session.query(EmailBudget))
    assert db.session.query(EmailBudget).count() == 2


def test_old_budgets_are_deleted(limits):
    reserve("zoe@example.org", "ann@example.org")
    first = db.session.query(EmailBudget).first()
    first.started_at -= timedelta(hours=49)
    db.session.commit()
    run_retention()
    assert db.session.query(EmailBudget).count() == 1
    delete_expired()


def test_every_kind_of_email_is_counted_or_exempt_for_a_reason(app):
    kinds = set(app.extensions["petition.composers"])
    assert {kind for kind in kinds if not is_counted(kind)} == EXEMPT_KINDS
    assert {kind for kind in kinds if is_counted(kind)} == set(WAYS_TO_MAIL), "add how it is caused to WAYS_TO_MAIL"


def test_an_email_is_counted_once_however_often_it_is_tried(server, limits, rows):
    make_signature(make_petition(), email=VICTIM)
    server.on_rcpt = lambda address: "451 4.2.1 later"
    for _ in range(LIMIT + 2):
        db.session.query(Delivery).update({"next_attempt_at": func.now()})
        db.session.commit()
        run_queue("confirmations")
    server.on_rcpt = lambda address: None
    db.session.query(Delivery).update({"next_attempt_at": func.now()})
    db.session.commit()
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["sent"]
    assert db.session.query(EmailBudget.emails).distinct().all() == [(1,)]


def sign_everywhere(n, address=VICTIM):
    """Sign `n` petitions as a person and as an organisation."""
    for number in range(n):
        petition = db.session.query(Petition).filter_by(slug=f"p{number}").one_or_none() or make_petition(
            slug=f"p{number}"
        )
        make_signature(petition, email=address)
        make_signature(petition, email=address, party="organisation", organisation="Les amis")


def test_what_is_beyond_fails_with_its_cause_and_an_operator_may_send_it(server, limits, rows):
    sign_everywhere(3)
    run_queue("confirmations")
    assert server.addresses == [VICTIM] * LIMIT
    beyond = [row for row in rows() if row.state == "failed"]
    assert [(row.cause, row.reason, row.attempt > 0) for row in beyond] == [
        ("mailbox budget", "this mailbox has had its emails of the day", True)
    ] * LIMIT
    assert {row.domain for row in beyond} == {"petite-ville.fr"}
    assert {row.address_hash for row in beyond} == {None}, "nothing was sent that could bounce"
    requeue(Delivery.cause == "mailbox budget")
    db.session.commit()
    run_queue("confirmations")
    assert server.addresses == [VICTIM] * 2 * LIMIT


def test_failures_beyond_a_budget_alone_do_not_make_the_queue_unhealthy(server, limits):
    limits(mailbox="1/day")
    sign_everywhere(5)
    run_queue("confirmations")

    def reasons():
        return [
            reason.text
            for reason in evaluate_health(read_facts(), read_broker_stats(current_app.config["BROKER_URL"])).reasons
        ]

    for _ in range(2):
        assert not [text for text in reasons() if "failed" in text]
        roll_up()
        db.session.commit()
    pattern = r'petition_failed_total\{queue="confirmations",reason="budget"\} 9'
    assert re.search(pattern, render_metrics().decode()), render_metrics().decode()


def test_a_mailing_asks_for_no_budget(sent_emails, limits, monkeypatch):
    limits(mailbox="1/day", domain="1/day")
    petition = make_petition()
    for n in range(3):
        make_consenting_signature(petition, f"s{n}@petite-ville.fr")
    asked = []
    monkeypatch.setattr(batch, "reserve_emails", lambda addresses: asked.append(addresses) or {})
    monkeypatch.setattr(budgets, "autocommit_connection", None)  # which any reservation would need
    make_started_mailing(petition)
    run_queue("mailings")
    assert len(sent_emails) == 3
    assert asked == [{}]
    assert reserve_emails({}) == {}


# How a stranger, or the team, can have each kind of email sent. Each is asked for again and again below.


def post(client, path, n, **fields):
    answer = client.post(path, data=fields, headers={"X-Forwarded-For": f"203.0.{n}.1"})
    assert answer.status_code in (200, 202, 303), (path, answer.status_code)


def let_time_pass(days=0):
    """Move every email into the past, so that no limit of a signature holds: the budgets are what is tested."""
    age = timedelta(days=2 + days)
    db.session.query(Delivery).filter(Delivery.state != "due").update(
        {"created_at": Delivery.created_at - age, "settled_at": Delivery.settled_at - age}
    )
    db.session.query(Signature).update({"requested_at": Signature.requested_at - timedelta(days=days)})
    db.session.commit()


def find_signature(state):
    db.session.expire_all()
    signature = db.session.query(Signature).filter_by(email=VICTIM).order_by(Signature.id).first()
    signature = signature or make_signature(make_petition(slug="any"), email=VICTIM)
    signature.state = state
    db.session.commit()
    return signature


def ask_by_form(client, n):
    make_petition(slug=f"form-{n}")
    post(client, f"/p/form-{n}/sign", n, **make_form(email=VICTIM.replace("@", f"+{n}@")))
    post(client, f"/p/form-{n}/sign", n, **make_form(email=VICTIM, party="organisation", organisation="Les amis"))


def ask_by_api(client, n):
    make_petition(slug=f"api-{n}")
    headers = {"X-Forwarded-For": f"203.1.{n}.1"}
    body = make_form(email=VICTIM.upper().replace("@", "+X@"))
    assert client.post(f"/api/v1/petitions/api-{n}/signatures", json=body, headers=headers).status_code == 202


def ask_for_the_link_again(client, n):
    post(client, f"/c/{make_confirm_token(find_signature('pending'))}/resend", n)


def sign_again(client, n):
    signature = find_signature("confirmed")
    post(client, f"/p/{signature.petition.slug}/sign", n, **make_form(email=VICTIM))


def ask_for_the_personal_link(client, n):
    post(client, f"/me/{make_personal_token(find_signature('confirmed'))}/resend", n)


def withdraw(client, n):
    post(client, f"/me/{make_personal_token(find_signature('confirmed'))}/withdraw", n)


def settle_emails():
    """Let no email wait that another way caused: it would be in the way of the one that is asked for."""
    db.session.query(Delivery).filter_by(state="due").update({"state": "cancelled"})
    db.session.commit()
    let_time_pass()


def change_the_address(client, n):
    signature = make_signature(make_petition(slug=f"address-{n}"), email=f"former-{n}@example.org", state="confirmed")
    settle_emails()
    post(client, f"/me/{make_personal_token(signature)}/address", n, email=VICTIM)
    # The notice goes to the other mailbox.
    db.session.query(Delivery).filter_by(kind="address_change").update({"state": "cancelled"})
    db.session.commit()


def give_another_address(client, n):
    signature = find_signature("confirmed")
    settle_emails()
    post(client, f"/me/{make_personal_token(signature)}/address", n, email=f"other-{n}@example.org")
    db.session.query(Delivery).filter_by(kind="new_address").update({"state": "cancelled"})
    db.session.commit()


def ask_for_the_list(client, n):
    find_signature("confirmed")
    post(client, "/my-signatures", n, email=VICTIM)
    run_list_requests()


def ask_for_the_list_on_the_page(client, n):
    post(client, f"/me/{make_personal_token(find_signature('confirmed'))}/list", n)


def wait_for_a_reminder(client, n):
    make_signature(make_petition(slug=f"proof-{n}"), email=VICTIM, state="confirmed")
    make_signature(make_petition(slug=f"reminder-{n}"), email=VICTIM)
    db.session.query(Delivery).filter(Delivery.state == "due").update({"state": "cancelled"})
    db.session.query(Signature).update({"requested_at": func.now() - REMIND_AFTER - timedelta(hours=1)})
    db.session.commit()
    run_reminders()


def wait_in_vain_to_be_named(client, n):
    petition = make_petition(slug=f"alone-{n}", named_total=100)
    confirm_signature(make_signature(petition, email=VICTIM, named_when="total"))
    db.session.query(Delivery).filter(Delivery.state == "due").update({"state": "cancelled"})
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(days=2)
    db.session.commit()
    run_release_names()  # counts those who wait
    run_release_names()


def invite(client, n):
    accounts.invite(VICTIM, {"operator"})
    db.session.commit()


def forget_the_password(client, n):
    account = db.session.query(accounts.Account).filter_by(email=VICTIM).one_or_none()
    account = account or make_account(email=VICTIM, password="four words are enough")
    # An account gets few links an hour: the budget is what is tested.
    db.session.query(AuditEvent).update({"at": AuditEvent.at - LINKS_WINDOW})
    db.session.commit()
    ask_for_a_password(client, VICTIM, n)


def ask_for_a_password(client, address, n):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account/forgot").text)[1]
    post(client, "/account/forgot", n, csrf_token=token, address=address)
    process_requests()


WAYS_TO_MAIL = {
    "confirm_signature": (ask_by_form, ask_by_api, ask_for_the_link_again),
    "already_signed": (sign_again,),
    "personal_link": (ask_for_the_personal_link,),
    "withdrawn": (withdraw,),
    "new_address": (change_the_address,),
    "address_change": (give_another_address,),
    "own_signatures": (ask_for_the_list, ask_for_the_list_on_the_page),
    "reminder": (wait_for_a_reminder,),
    "name_withheld": (wait_in_vain_to_be_named,),
    "team_invitation": (invite,),
    "team_password": (forget_the_password,),
}


@pytest.mark.parametrize("way", [way for ways in WAYS_TO_MAIL.values() for way in ways])
def test_every_way_to_mail_somebody_is_bounded_by_the_budget_of_the_mailbox(client, server, limits, way):
    for n in range(LIMIT + 2):
        way(client, n)
        run_queue("confirmations")
        run_queue("notifications")
        let_time_pass()
    kind = next(kind for kind, ways in WAYS_TO_MAIL.items() if way in ways)
    assert len(server.addresses) == LIMIT
    beyond = db.session.query(Delivery).filter_by(kind=kind, state="failed").all()
    assert beyond
    assert {delivery.cause for delivery in beyond} == {"mailbox budget"}


def test_all_ways_together_are_bounded_by_one_budget(client, server, limits):
    for n in range(2):
        for way in (way for ways in WAYS_TO_MAIL.values() for way in ways):
            way(client, n)
            run_queue("confirmations")
            run_queue("notifications")
            let_time_pass()
    assert len(server.addresses) == LIMIT


def test_a_small_domain_is_bounded_over_all_its_mailboxes(client, server, limits):
    limits(domain="5/day")
    make_petition()
    for n in range(8):
        post(client, "/p/jardin/sign", n, **make_form(email=f"s{n}@petite-ville.fr"))
        post(client, "/p/jardin/sign", 100 + n, **make_form(email=f"s{n}@gmail.com"))
        make_account(email=f"s{n}@petite-ville.fr", password="four words are enough")
        ask_for_a_password(client, f"s{n}@petite-ville.fr", n)
        run_queue("confirmations")
        run_queue("notifications")
    to = [address.rpartition("@")[2] for address in server.addresses]
    assert (to.count("petite-ville.fr"), to.count("gmail.com")) == (5, 8)
