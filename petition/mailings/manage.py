"""The desk's mailings: write, choose, test, watch; and stop, which anybody who may see them may do."""

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
from petition.mailings.placeholders import NAMES
from petition.mailings.progress import progress, reasons
from petition.mailings.segment import Segment, stored
from petition.mailings.warnings import warnings
from petition.mailings.write import Outdated, create, edit, read
from petition.petitions import publish
from petition.team.access import current, guard
from petition.team.models import CAMPAIGNER, SENDER, Account

ACCESS = "campaigner or sender"
LISTED = 50
LARGEST = 300 * 1024  # bytes of a form: the words of every language

blueprint = Blueprint("desk_mailings", __name__, url_prefix="/desk/mailings")
guard(blueprint, CAMPAIGNER, SENDER, longest={"make": LARGEST, "save": LARGEST})
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


def _form(mailing: Mailing | None) -> dict[str, Any]:
    """Return what the form shows of a mailing, or of a new one."""
    if mailing is None:
        form: dict[str, Any] = {"undo_minutes": 5, "failure_limit": 5, "unsubscribe_limit": 2, "petitions": []}
        for petition in publish.every()[:1]:
            form |= {"petitions": [petition.id], "sender_name": petition.sender_name, "timezone": petition.timezone}
            form["reply_to"] = petition.reply_to
        return form
    form = {name: getattr(mailing, name) for name in (
        "name", "sender_name", "reply_to", "timezone", "public", "per_hour", "per_domain_hour", "warm_up",
        "undo_minutes")}  # fmt: skip
    form |= {name: f"{getattr(mailing, name) * 100:g}" for name in ("failure_limit", "unsubscribe_limit")}
    form |= mailing.segment
    for language, text in mailing.texts.items():
        form |= {f"{part}_{language}": getattr(text, part) for part in ("subject", "preheader", "body")}
    return form


def _typed() -> dict[str, Any]:
    several = ("petitions", "languages", "professions")
    typed: dict[str, Any] = {name: request.form.get(name, "").replace("\0", "") for name in request.form}
    for name in several:
        typed[name] = [value.replace("\0", "") for value in request.form.getlist(name)]
    typed["professions"] = [line for value in typed["professions"] for line in value.splitlines() if line.strip()]
    return typed


def _editor(mailing: Mailing | None, form: dict[str, Any], version: int, **refused: Any) -> str:
    begun = select(Mailing).where(Mailing.started_at.is_not(None)).order_by(Mailing.id.desc()).limit(LISTED)
    return render_template(
        "mailings/edit.html", mailing=mailing, form=form, version=version, petitions=publish.every(),
        mailings=list(db.session.scalars(begun)), names=NAMES, all_languages=LANGUAGES, translate=_,
        **{"errors": {}, "theirs": None, **refused},
    )  # fmt: skip


@blueprint.get("/new")
def new() -> Any:
    """Show an empty form."""
    return _editor(None, _form(None), 0)


@blueprint.post("/new")
def make() -> Any:
    """Make a draft."""
    typed = _typed()
    try:
        mailing = create(read(typed), who().email)
    except Refusal as refusal:
        db.session.rollback()
        return _editor(None, typed, 0, errors=refusal.errors), 422
    db.session.commit()
    flash(_("Saved as a draft. Nothing is sent before it was tested and scheduled."), "success")
    return back(mailing.id)


@blueprint.get("/<int:mailing_id>/edit")
def editor(mailing_id: int) -> Any:
    """Show the form of a mailing that can still be changed."""
    mailing = mailing_or_404(mailing_id)
    if not life.may("edit", mailing):
        return refused(life.Nonsense("edit", mailing), mailing_id)
    return _editor(mailing, _form(mailing), mailing.version)


@blueprint.post("/<int:mailing_id>/edit")
def save(mailing_id: int) -> Any:
    """Save, unless somebody else has meanwhile: what was typed is then shown beside what they saved."""
    mailing, typed = mailing_or_404(mailing_id, lock=True), _typed()
    version = request.form.get("version", 0, type=int)
    try:
        changed = edit(mailing, read(typed), version)
    except life.Nonsense as refusal:
        return refused(refusal, mailing_id)
    except Outdated as refusal:
        db.session.rollback()
        mailing = mailing_or_404(mailing_id)
        return _editor(mailing, typed, mailing.version, errors=refusal.errors, theirs=_form(mailing)), 409
    except Refusal as refusal:
        db.session.rollback()
        return _editor(mailing_or_404(mailing_id), typed, version, errors=refusal.errors), 422
    db.session.commit()
    flash(_("Saved. Test it again before it is sent.") if changed else _("Nothing had changed."), "success")
    return back(mailing_id)


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
    mailing = mailing_or_404(mailing_id, lock=True)
    wanted = [
        int(value)
        for value in request.form.getlist("colleague")
        if value.isascii() and value.isdigit() and len(value) < 20
    ]
    accounts = select(Account).where(Account.id.in_([number for number in wanted if number < 2**63][:50]))
    try:
        n = rehearse.rehearse(mailing, list(db.session.scalars(accounts)), who().email)
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("%(number)s tests are on their way.", number=n), "success")
    return back(mailing_id)


@blueprint.post("/<int:mailing_id>/unschedule")
def unschedule(mailing_id: int) -> Response:
    """Take it back before its first email."""
    try:
        schedule.unschedule(mailing_or_404(mailing_id, lock=True))
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("Taken back: nothing was sent."), "success")
    return back(mailing_id)


@blueprint.post("/<int:mailing_id>/pause")
def pause(mailing_id: int) -> Response:
    """Hold it, on every host, from the next claim on."""
    reason = reason_given() or _("no reason given")
    try:
        schedule.pause(mailing_or_404(mailing_id, lock=True), reason)
    except Refusal as refusal:
        return refused(refusal, mailing_id)
    db.session.commit()
    flash(_("Paused. What is being sent this second still leaves."), "success")
    return back(mailing_id)
