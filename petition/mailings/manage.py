"""The desk's mailings: write, choose, test, watch; and stop, which anybody who may see them may do."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.core.i18n import LANGUAGES, current_language
from petition.mailings import life, rehearse, schedule, words
from petition.mailings.audience import is_counted
from petition.mailings.models import STARTED, Mailing
from petition.mailings.progress import progress, reasons
from petition.mailings.segment import Segment, stored
from petition.mailings.warnings import warnings
from petition.petitions import publish
from petition.team.access import current, guard
from petition.team.models import CAMPAIGNER, SENDER, Account

ACCESS = "campaigner or sender"
LISTED = 50

blueprint = Blueprint("desk_mailings", __name__, url_prefix="/desk/mailings")
guard(blueprint, CAMPAIGNER, SENDER)
for vocabulary in (
    words.state_words,
    words.recipient_words,
    words.left_out_words,
    words.choice_words,
    words.reason_words,
):
    blueprint.add_app_template_global(vocabulary, f"mailing_{vocabulary.__name__}")


def who() -> Account:
    """Return the account that is signed in."""
    account = current()
    assert account is not None  # the guard let it in
    return account


def mailing_or_404(mailing_id: int, *, lock: bool = False) -> Mailing:
    """Return a mailing, or answer that there is none."""
    try:
        return life.find(mailing_id, lock=lock)
    except Gone:
        abort(404)


def back(mailing_id: int) -> Response:
    """Send the reader to the mailing's own page."""
    return redirect(url_for("desk_mailings.show", mailing_id=mailing_id), 303)


def refused(refusal: Refusal, mailing_id: int) -> Response:
    """Undo what was begun, say why, and send the reader back."""
    db.session.rollback()
    flash(" ".join(f"{advice[:1].upper()}{advice[1:]}." for advice in refusal.errors.values()), "error")
    return back(mailing_id)


def reason_given() -> str:
    """Return the reason that was typed, on one line."""
    return " ".join(request.form.get("reason", "").replace("\0", "").split())[:200]


def stepped(mailing_id: int, step: Callable[[Mailing], Any], done: Callable[[Any], str]) -> Response:
    """Take a step in a mailing's life, or say why not; `done` puts what it returned into words."""
    try:
        result = step(mailing_or_404(mailing_id, lock=True))
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(done(result), "success")
    return back(mailing_id)


@blueprint.get("/")
def index() -> str:
    """List the mailings, newest first."""
    before = request.args.get("before", type=int)
    query = select(Mailing).order_by(Mailing.id.desc()).limit(LISTED)
    if before and 0 < before < 2**63:
        query = query.where(Mailing.id < before)
    found = list(db.session.scalars(query))
    older = url_for("desk_mailings.index", before=found[-1].id) if len(found) == LISTED else None
    return render_template("mailings/index.html", mailings=found, older=older, can_write=bool(publish.every()))


@blueprint.get("/<int:mailing_id>")
def show(mailing_id: int) -> str:
    """Show where a mailing is in its life, and what can be done with it."""
    mailing = mailing_or_404(mailing_id)
    begun = mailing.state in STARTED and mailing.started_at is not None
    colleagues = select(Account).where(Account.active, Account.password.is_not(None)).order_by(Account.name, Account.id)
    return render_template(
        "mailings/show.html",
        mailing=mailing,
        segment=_segment_words(stored(mailing.segment)),
        counted=is_counted(mailing),
        warnings=[] if begun else warnings(mailing),
        progress=progress(mailing) if begun else None,
        reasons=reasons(mailing.id) if begun else [],
        tests=rehearse.latest(mailing),
        untested=rehearse.untested(mailing) if mailing.tested_version == mailing.version else list(mailing.texts),
        colleagues=list(db.session.scalars(colleagues)),
        me=who(),
        may=lambda step: life.may(step, mailing),
        may_send=who().may(SENDER),
        all_languages=LANGUAGES,
    )


def _segment_words(segment: Segment) -> list[tuple[str, str]]:
    titles = {petition.id: petition.text_in(current_language()).title for petition in publish.every()}
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
    return stepped(
        mailing_id,
        lambda mailing: rehearse.rehearse(mailing, accounts, who().email),
        lambda n: _("%(number)s tests are on their way.", number=n),
    )


@blueprint.post("/<int:mailing_id>/unschedule")
def unschedule(mailing_id: int) -> Response:
    """Take it back before its first email."""
    return stepped(mailing_id, schedule.unschedule, lambda _none: _("Taken back: nothing was sent."))


@blueprint.post("/<int:mailing_id>/pause")
def pause(mailing_id: int) -> Response:
    """Hold it, on every host, from the next claim on."""
    reason = reason_given() or _("no reason given")
    told = _("Paused. What is being sent this second still leaves.")
    return stepped(mailing_id, lambda mailing: schedule.pause(mailing, reason), lambda _none: told)
