"""Public pages of mailings: unsubscribe, and the archive of public mailings."""

from typing import Any

from flask import Blueprint, render_template, request

from petition.core import tokens
from petition.core.db import db
from petition.core.i18n import current_language, set_reader_language
from petition.mailings import public_archive
from petition.mailings.emails import find_partner
from petition.mailings.models import UnsubscribeChoice
from petition.mailings.unsubscribe import (
    Subscriber,
    SubscriberForgotten,
    find_by_token,
    is_unsubscribed,
    unsubscribe,
)
from petition.petitions.models import Petition
from petition.petitions.presenter import present

ACCESS = "public"
TEST_TOKEN = "test"  # noqa: S105 - in place of a token, in test emails
blueprint = Blueprint("mailings", __name__)


def _get_subscriber_or_404(token: str, *, lock: bool = False) -> Subscriber:
    """Return the owner of a link, and answer in the language of their signature."""
    subscriber = find_by_token(token, lock=lock)
    if subscriber.signature is not None:
        set_reader_language(subscriber.signature.locale)
    return subscriber


def _render_unsubscribe_page(
    subscriber: Subscriber, token: str, done: str | None, *, asked_to_withdraw: bool = False
) -> str:
    petition = db.session.get(Petition, subscriber.delivery.petition_id)
    partner = find_partner(subscriber.mailing) if subscriber.mailing else None
    return render_template(
        "mailings/public/unsubscribe.html",
        petition=present(petition, current_language()) if petition else None,
        token=tokens.strip_trailing_characters(token),
        done=done,
        erased=subscriber.signature is None,
        more=bool(done) and done == UnsubscribeChoice.THESE and subscriber.signature is not None,
        can_withdraw=_can_withdraw(subscriber),
        asked_to_withdraw=asked_to_withdraw,
        test=False,
        partner_name=partner.name if partner else None,
    )


@blueprint.errorhandler(SubscriberForgotten)
def _handle_forgotten(_error: SubscriberForgotten) -> str:
    """Say that nothing is sent any more: what the reader, or their mail program, asks for is so already."""
    done = UnsubscribeChoice.THESE
    return render_template(
        "mailings/public/unsubscribe.html", petition=None, done=done, erased=True, more=False, test=False
    )


def _can_withdraw(subscriber: Subscriber) -> bool:
    return subscriber.signature is not None and subscriber.signature.is_confirmed


@blueprint.get("/u/<token>")
def unsubscribe_page(token: str) -> str:
    """Show the button that unsubscribes: opening the link changes nothing."""
    if token == TEST_TOKEN:
        return render_template("mailings/public/unsubscribe.html", test=True, done=None, petition=None)
    subscriber = _get_subscriber_or_404(token)
    return _render_unsubscribe_page(subscriber, token, UnsubscribeChoice.THESE if is_unsubscribed(subscriber) else None)


@blueprint.post("/u/<token>", endpoint="unsubscribe")
def unsubscribe_post(token: str) -> Any:
    """Unsubscribe, for a person or a mail program (RFC 8058): no cookie, no CSRF token, no redirect."""
    if token == TEST_TOKEN:
        return unsubscribe_page(token)
    choice = request.form.get("choice")
    chosen = choice if choice in (UnsubscribeChoice.ALL, UnsubscribeChoice.WITHDRAW) else UnsubscribeChoice.THESE
    subscriber = _get_subscriber_or_404(token, lock=True)
    if chosen == UnsubscribeChoice.WITHDRAW and request.form.get("sure") != "yes" and _can_withdraw(subscriber):
        db.session.rollback()  # releases the locks
        return _render_unsubscribe_page(_get_subscriber_or_404(token), token, None, asked_to_withdraw=True)
    unsubscribe(subscriber, chosen)
    db.session.commit()
    return _render_unsubscribe_page(_get_subscriber_or_404(token), token, chosen)


@blueprint.get("/mailings/<int:mailing_id>")
def archived(mailing_id: int) -> str:
    """Show a public mailing, without any personal data of its recipients."""
    mailing = public_archive.find_public(mailing_id)
    return render_template(
        "mailings/public/archive.html", **public_archive.build_public_page(mailing, current_language())
    )
