"""Test emails: a mailing sent to colleagues, in each of its languages, before it may be scheduled."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.mailings import lifecycle
from petition.mailings.audience.preview import make_sample_signer
from petition.mailings.emails import build_message, load_petition
from petition.mailings.models import MAILING_TEST_KIND, Mailing, MailingState, MailingTest
from petition.mailings.partner_senders import list_sending
from petition.petitions.partners.access import is_outsider
from petition.petitions.partners.models import PartnerMember
from petition.team.accounts import joined
from petition.team.models import Account

MAX_COLLEAGUES = 20
MAX_LISTED_TESTS = 20


def list_colleagues(account: Account) -> list[Account]:
    """Return whom a test email may go to: the team, or those who act for the same partners."""
    query = select(Account).where(Account.active, joined()).order_by(Account.name, Account.id)
    if is_outsider(account):
        partners = {row.partner_id for row in list_sending(account)}
        members = select(PartnerMember.account_id).where(PartnerMember.partner_id.in_(partners))
        query = query.where(Account.id.in_(members))
    return list(db.session.scalars(query))


def enqueue_tests(mailing: Mailing, accounts: Sequence[Account], by: str) -> int:
    """Enqueue a test email to each colleague in each of the mailing's languages; returns how many. Flushes.

    The caller locks the mailing. Raises `ValidationError`, or `InvalidMailingTransition` where it can no longer change.
    """
    action = "retest" if mailing.state == MailingState.PAUSED else "test"
    lifecycle.require_transition(action, mailing)
    accounts = [account for account in accounts if account.active]
    if not 1 <= len(accounts) <= MAX_COLLEAGUES:
        raise ValidationError({"colleagues": _("choose from one to %(number)s colleagues", number=MAX_COLLEAGUES)})
    tests = [
        MailingTest(mailing_id=mailing.id, version=mailing.content_version, language=language,
                    account_id=account.id, asked_by=by)
        for account in accounts
        for language in mailing.texts
    ]  # fmt: skip
    db.session.add_all(tests)
    db.session.flush()
    enqueue(MAILING_TEST_KIND, NOTIFICATIONS, [OutboxEntry(0, test.id, 1) for test in tests])
    mailing.tested_version = mailing.content_version
    lifecycle.transition(
        action, mailing, version=mailing.content_version, colleagues=len(accounts), languages=sorted(mailing.texts)
    )
    return len(tests)


def list_untested_languages(mailing: Mailing) -> list[str]:
    """Return the languages in which no test email of the present content has been sent yet."""
    sent = (
        select(MailingTest.language)
        .join(Delivery, Delivery.subject_id == MailingTest.id)
        .where(Delivery.kind == MAILING_TEST_KIND, Delivery.state == DeliveryState.SENT)
        .where(MailingTest.mailing_id == mailing.id, MailingTest.version == mailing.content_version)
    )
    return sorted(set(mailing.texts) - set(db.session.scalars(sent)))


def list_latest(mailing: Mailing) -> list[Any]:
    """Return the latest test emails, newest first, each with its recipient and the state of its delivery."""
    query = (
        select(MailingTest, Account.name, Account.email, Delivery.state, Delivery.reason)
        .join(Account, Account.id == MailingTest.account_id)
        .outerjoin(Delivery, (Delivery.kind == MAILING_TEST_KIND) & (Delivery.subject_id == MailingTest.id))
        .where(MailingTest.mailing_id == mailing.id)
    )
    return list(db.session.execute(query.order_by(MailingTest.id.desc()).limit(MAX_LISTED_TESTS)))


def compose_mailing_test(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose test emails, in the colleague's own name: no data of a signer is in them."""
    query = (
        select(MailingTest, Mailing, Account)
        .join(Mailing, Mailing.id == MailingTest.mailing_id)
        .join(Account, Account.id == MailingTest.account_id)
    )
    wanted = query.where(MailingTest.id.in_([claim.subject_id for claim in claims]))
    tests = {row.MailingTest.id: row for row in db.session.execute(wanted)}
    composed: Composed = {}
    for claim in claims:
        row = tests.get(claim.subject_id)
        if row is None or row.MailingTest.version != row.Mailing.content_version or not row.Account.active:
            composed[claim.id] = Skipped("the mailing has changed since this test was asked for")
            continue
        signer = make_sample_signer(row.Mailing, row.MailingTest.language, row.Account.name)
        petition, count = load_petition(signer.petition_id)
        composed[claim.id] = build_message(
            row.Mailing, signer, petition, count, claim.id, test_address=row.Account.email
        )
    return composed
