"""The desk's mailings: write, choose, test, watch; and stop, which anybody who may see them may do."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.core.i18n import LANGUAGES, current_language
from petition.mailings import actions, labels, lifecycle, test_emails
from petition.mailings.audience.preview import is_count_current
from petition.mailings.audience.segment import Segment, segment_from_dict
from petition.mailings.models import STARTED_STATES, Mailing
from petition.mailings.preflight import run_preflight_checks
from petition.mailings.progress import get_progress, list_failure_reasons
from petition.petitions import queries as petition_queries
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner or sender"
PAGE_SIZE = 50

blueprint = Blueprint("desk_mailings", __name__, url_prefix="/desk/mailings")
require_roles(blueprint, TeamRole.CAMPAIGNER, TeamRole.SENDER)
for vocabulary in (
    labels.state_labels,
    labels.recipient_state_labels,
    labels.exclusion_labels,
    labels.unsubscribe_choice_labels,
    labels.reason_label,
):
    blueprint.add_app_template_global(vocabulary, f"mailing_{vocabulary.__name__}")


def require_current_account() -> Account:
    """Return the account that is signed in."""
    account = current_account()
    assert account is not None  # the guard let it in
    return account


def get_mailing_or_404(mailing_id: int, *, lock: bool = False) -> Mailing:
    """Return a mailing, or answer that there is none."""
    try:
        return lifecycle.find(mailing_id, lock=lock)
    except NotFound:
        abort(404)


def redirect_to_mailing(mailing_id: int) -> Response:
    """Send the reader to the mailing's own page."""
    return redirect(url_for("desk_mailings.show", mailing_id=mailing_id), 303)


def flash_error_and_redirect(refusal: DomainError, mailing_id: int) -> Response:
    """Undo what was begun, say why, and send the reader back."""
    db.session.rollback()
    flash(" ".join(f"{advice[:1].upper()}{advice[1:]}." for advice in refusal.errors.values()), "error")
    return redirect_to_mailing(mailing_id)


def read_reason() -> str:
    """Return the reason that was typed, on one line."""
    return " ".join(request.form.get("reason", "").replace("\0", "").split())[:200]


def perform_action(mailing_id: int, step: Callable[[Mailing], Any], done: Callable[[Any], str]) -> Response:
    """Take a step in a mailing's life, or say why not; `done` puts what it returned into words."""
    try:
        result = step(get_mailing_or_404(mailing_id, lock=True))
    except DomainError as refusal:
        return flash_error_and_redirect(refusal, mailing_id)
    db.session.commit()
    flash(done(result), "success")
    return redirect_to_mailing(mailing_id)


@blueprint.get("/")
def index() -> str:
    """List the mailings, newest first."""
    before = request.args.get("before", type=int)
    query = select(Mailing).order_by(Mailing.id.desc()).limit(PAGE_SIZE)
    if before and 0 < before < 2**63:
        query = query.where(Mailing.id < before)
    found = list(db.session.scalars(query))
    older = url_for("desk_mailings.index", before=found[-1].id) if len(found) == PAGE_SIZE else None
    return render_template(
        "mailings/index.html", mailings=found, older=older, can_write=bool(petition_queries.list_all())
    )


@blueprint.get("/<int:mailing_id>")
def show(mailing_id: int) -> str:
    """Show where a mailing is in its life, and what can be done with it."""
    mailing = get_mailing_or_404(mailing_id)
    begun = mailing.state in STARTED_STATES and mailing.started_at is not None
    colleagues = select(Account).where(Account.active, Account.password.is_not(None)).order_by(Account.name, Account.id)
    return render_template(
        "mailings/show.html",
        mailing=mailing,
        segment=_describe_segment(segment_from_dict(mailing.segment)),
        counted=is_count_current(mailing),
        warnings=[] if begun else run_preflight_checks(mailing),
        progress=get_progress(mailing) if begun else None,
        reasons=list_failure_reasons(mailing.id) if begun else [],
        tests=test_emails.list_latest(mailing),
        untested=test_emails.list_untested_languages(mailing)
        if mailing.tested_version == mailing.version
        else list(mailing.texts),
        colleagues=list(db.session.scalars(colleagues)),
        me=require_current_account(),
        may=lambda step: lifecycle.can_transition(step, mailing),
        may_send=require_current_account().has_any_role(TeamRole.SENDER),
        all_languages=LANGUAGES,
    )


def _describe_segment(segment: Segment) -> list[tuple[str, str]]:
    titles = {petition.id: petition.text_in(current_language()).title for petition in petition_queries.list_all()}
    parties = {"person": _("people"), "organisation": _("organisations")}
    shown = [
        (_("Petitions"), ", ".join(titles.get(number, "?") for number in segment.petitions)),
        (_("Signed as"), parties.get(segment.party or "", "")),
        (_("Languages"), ", ".join(LANGUAGES[language] for language in segment.languages)),
        (_("Profession contains"), ", ".join(segment.professions)),
        (_("Country"), segment.country),
        (_("City"), segment.city),
        (_("Postal code begins with"), segment.postal_code),
        (_("Confirmed from"), segment.confirmed_from),
        (_("Confirmed until"), segment.confirmed_until),
        (_("Received mailing"), segment.received),
        (_("Did not receive mailing"), segment.not_received),
    ]
    return [(label, str(value)) for label, value in shown if value]


@blueprint.post("/<int:mailing_id>/tests")
def test(mailing_id: int) -> Response:
    """Send it to oneself and to colleagues, in each of its languages."""
    wanted = [
        int(value)
        for value in request.form.getlist("colleague")
        if value.isascii() and value.isdigit() and len(value) < 20
    ]
    chosen = select(Account).where(Account.id.in_([number for number in wanted if number < 2**63][:50]))
    accounts = list(db.session.scalars(chosen))
    return perform_action(
        mailing_id,
        lambda mailing: test_emails.enqueue_tests(mailing, accounts, require_current_account().email),
        lambda n: _("%(number)s tests are on their way.", number=n),
    )


@blueprint.post("/<int:mailing_id>/unschedule")
def unschedule(mailing_id: int) -> Response:
    """Take it back before its first email."""
    return perform_action(mailing_id, actions.unschedule, lambda _none: _("Taken back: nothing was sent."))


@blueprint.post("/<int:mailing_id>/pause")
def pause(mailing_id: int) -> Response:
    """Hold it, on every host, from the next claim on."""
    reason = read_reason() or _("no reason given")
    told = _("Paused. What is being sent this second still leaves.")
    return perform_action(mailing_id, lambda mailing: actions.pause(mailing, reason), lambda _none: told)
