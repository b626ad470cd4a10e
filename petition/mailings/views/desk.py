"""The team's pages of mailings: list, overview, test emails, unschedule, pause."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, ValidationError
from petition.core.i18n import LANGUAGES, current_language
from petition.core.ids import is_id
from petition.core.languages.countries import list_countries
from petition.core.pagination import make_page, parse_cursor, select_page
from petition.mailings import actions, labels, lifecycle, partner_senders
from petition.mailings.audience.preview import is_count_current
from petition.mailings.audience.segment import Segment, segment_from_dict
from petition.mailings.drafting import drafts, test_emails
from petition.mailings.drafting.preflight import run_preflight_checks
from petition.mailings.emails import find_partner
from petition.mailings.models import STARTED_STATES, Mailing
from petition.mailings.progress import (
    count_each_by_state,
    count_signatures_around,
    count_unsubscribed,
    get_progress,
    list_failure_reasons,
)
from petition.mailings.triggers import is_continuous
from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.petitions.partners.access import is_outsider
from petition.petitions.partners.models import PartnerRole
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner or sender"
PAGE_SIZE = 50
MAX_SUBMITTED_COLLEAGUES = 50

blueprint = Blueprint("desk_mailings", __name__, url_prefix="/desk/mailings")
PARTNER_VIEWS = ("index", "show", "test", "copy", "unschedule", "pause")
require_roles(
    blueprint, TeamRole.CAMPAIGNER, TeamRole.SENDER, partners=dict.fromkeys(PARTNER_VIEWS, PartnerRole.SENDER)
)
for get_labels in (
    labels.state_labels,
    labels.recipient_state_labels,
    labels.exclusion_labels,
    labels.unsubscribe_choice_labels,
    labels.reason_label,
    labels.describe_trigger,
):
    blueprint.add_app_template_global(get_labels, f"mailing_{get_labels.__name__}")


def require_current_account() -> Account:
    """Return the account that is signed in."""
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return account


def get_mailing_or_404(mailing_id: int, *, lock: bool = False) -> Mailing:
    """Return a mailing; answers 404 if there is none."""
    return lifecycle.find(mailing_id, lock=lock)


def parse_cursor_or_none(text: str | None) -> int | None:
    """Return the cursor in an address, None where it is not one: the page then begins at the start."""
    try:
        return parse_cursor(text)
    except ValidationError:
        return None


def redirect_to_mailing(mailing_id: int) -> Response:
    """Redirect to the mailing's overview."""
    return redirect(url_for("desk_mailings.show", mailing_id=mailing_id), 303)


def flash_error_and_redirect(error: DomainError, mailing_id: int) -> Response:
    """Roll back, flash the error's messages and redirect to the mailing's overview."""
    db.session.rollback()
    flash(" ".join(f"{message[:1].upper()}{message[1:]}." for message in error.errors.values()), "error")
    return redirect_to_mailing(mailing_id)


def read_reason() -> str:
    """Return the submitted reason, on one line."""
    return " ".join(request.form.get("reason", "").replace("\0", "").split())[: actions.MAX_REASON_CHARACTERS]


def perform_action(
    mailing_id: int, action: Callable[[Mailing], Any], message: Callable[[Any], str], *, stops: bool = False
) -> Response:
    """Lock the mailing, perform an action, commit and redirect; `message` makes the notice from the action's result.

    `stops`: the action stops a mailing, which the team may do with a partner's too.
    """
    try:
        mailing = get_mailing_or_404(mailing_id, lock=True)
        if not stops:
            partner_senders.require_author(require_current_account(), mailing)
        result = action(mailing)
    except DomainError as error:
        return flash_error_and_redirect(error, mailing_id)
    db.session.commit()
    flash(message(result), "success")
    return redirect_to_mailing(mailing_id)


@blueprint.get("/")
def index() -> str:
    """List the mailings, newest first; `?petition=` only those to the signers of one petition."""
    cursor = parse_cursor_or_none(request.args.get("before"))
    petition = find_asked_petition()
    segment: Any = Mailing.segment["petitions"]
    account = require_current_account()
    wanted = select(Mailing).where(segment.contains([petition.id])) if petition else select(Mailing)
    wanted = partner_senders.restrict(wanted, account)
    query = select_page(wanted, Mailing.id, cursor=cursor, limit=PAGE_SIZE)
    page = make_page(db.session.scalars(query).all(), PAGE_SIZE, lambda mailing: mailing.id)
    asked = petition.id if petition else None
    older = url_for("desk_mailings.index", before=page.next, petition=asked) if page.next else None
    ids = [mailing.id for mailing in page.items if mailing.started_at]
    return render_template(
        "mailings/desk/index.html", counts=count_each_by_state(ids), unsubscribed=count_unsubscribed(ids),
        mailings=page.items, older=older, can_write=is_outsider(account) or bool(petition_queries.list_all()),
        petition=petition, can_campaign=account.has_any_role(TeamRole.CAMPAIGNER),
    )  # fmt: skip


def find_asked_petition() -> Petition | None:
    """Return the petition that the address names by its number, None where there is none that the account may see."""
    number, account = parse_cursor_or_none(request.args.get("petition")), require_current_account()
    if is_outsider(account) and number not in {row.petition_id for row in partner_senders.list_sending(account)}:
        return None
    return db.session.get(Petition, number) if number else None


@blueprint.get("/<int:mailing_id>")
def show(mailing_id: int) -> str:
    """Show a mailing's state, audience, tests and progress, and the actions that are possible."""
    mailing = get_mailing_or_404(mailing_id)
    started = mailing.state in STARTED_STATES and mailing.started_at is not None
    account = require_current_account()
    is_author = partner_senders.is_author(account, mailing)
    tested = mailing.tested_version == mailing.content_version
    return render_template(
        "mailings/desk/show.html",
        mailing=mailing,
        segment=_describe_segment(segment_from_dict(mailing.segment)),
        to_petitions=_list_petitions(mailing),
        counted=started or is_count_current(mailing),  # of a mailing that has begun, as it was then
        warnings=[] if started else run_preflight_checks(mailing),
        progress=get_progress(mailing) if started else None,
        # A mail server's answer may name the recipient.
        reasons=list_failure_reasons(mailing.id) if started and not is_outsider(account) else [],
        signatures=count_signatures_around(mailing),
        tests=test_emails.list_latest(mailing),
        untested=test_emails.list_untested_languages(mailing) if tested else list(mailing.texts),
        colleagues=test_emails.list_colleagues(account),
        me=account,
        partner=find_partner(mailing),
        is_author=is_author,
        continuous=is_continuous(mailing),
        can=lambda action: lifecycle.can_transition(action, mailing),
        can_send=is_author and (mailing.partner_id is not None or account.has_any_role(TeamRole.SENDER)),
        can_cancel=account.has_any_role(TeamRole.SENDER) or (mailing.partner_id is not None and is_author),
        may_read=not is_outsider(account),
        all_languages=LANGUAGES,
    )


def _list_petitions(mailing: Mailing) -> list[Petition]:
    """Return the petitions to whose signers a mailing goes, for links to them; none for who may not open them."""
    if not require_current_account().has_any_role(TeamRole.CAMPAIGNER):
        return []
    wanted = segment_from_dict(mailing.segment).petitions
    return [petition for petition in petition_queries.list_all() if petition.id in wanted]


def _describe_segment(segment: Segment) -> list[tuple[str, str]]:
    titles = {
        petition.id: petition.titled_text_in(current_language()).title for petition in petition_queries.list_all()
    }
    parties = {"person": _("people"), "organisation": _("organisations")}
    filters = [
        (_("Petitions"), ", ".join(titles.get(number, "?") for number in segment.petitions)),
        (_("Signed as"), parties.get(segment.party or "", "")),
        (_("Languages"), ", ".join(LANGUAGES[language] for language in segment.languages)),
        (_("Profession contains"), ", ".join(segment.professions)),
        (_("Country"), dict(list_countries(current_language())).get(segment.country or "")),
        (_("Town"), segment.city),
        (_("Postal code begins with"), segment.postal_code),
        (_("Confirmed from"), segment.confirmed_from),
        (_("Confirmed until"), segment.confirmed_until),
        (_("Received mailing"), segment.received),
        (_("Did not receive mailing"), segment.not_received),
    ]
    return [(label, str(value)) for label, value in filters if value]


@blueprint.post("/<int:mailing_id>/tests")
def test(mailing_id: int) -> Response:
    """Send test emails to colleagues, in each of the mailing's languages."""
    numbers = [int(value) for value in request.form.getlist("colleague") if value.isascii() and value.isdigit()
               and len(value) < 20]  # fmt: skip
    ids = [number for number in numbers if is_id(number)][:MAX_SUBMITTED_COLLEAGUES]
    accounts = [account for account in test_emails.list_colleagues(require_current_account()) if account.id in ids]
    return perform_action(
        mailing_id,
        lambda mailing: test_emails.enqueue_tests(mailing, accounts, require_current_account().email),
        lambda n: ngettext("%(num)s test email is on its way.", "%(num)s test emails are on their way.", n),
    )


@blueprint.post("/<int:mailing_id>/duplicate")
def copy(mailing_id: int) -> Response:
    """Create a draft with the texts, recipients and settings of a mailing."""
    mailing = get_mailing_or_404(mailing_id)
    try:
        partner_senders.require_author(require_current_account(), mailing)
    except DomainError as error:
        return flash_error_and_redirect(error, mailing_id)
    made = drafts.duplicate(mailing, require_current_account().email)
    db.session.commit()
    flash(_("This is the copy, a draft: nothing is sent until it has been tested and scheduled."), "success")
    return redirect_to_mailing(made.id)


@blueprint.post("/<int:mailing_id>/unschedule")
def unschedule(mailing_id: int) -> Response:
    """Undo the scheduling before the first email."""
    message = _("Sending undone: no email was sent.")
    return perform_action(mailing_id, actions.unschedule, lambda _none: message, stops=True)


@blueprint.post("/<int:mailing_id>/pause")
def pause(mailing_id: int) -> Response:
    """Pause a mailing on every host."""
    reason = read_reason() or _("no reason given")
    message = _("Paused. Emails that are being sent right now still go out.")
    return perform_action(mailing_id, lambda mailing: actions.pause(mailing, reason), lambda _none: message, stops=True)
