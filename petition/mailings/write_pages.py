"""The desk's mailings, to write: the form, what was typed into it, and what somebody else saved meanwhile."""

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.errors import Refusal
from petition.core.i18n import LANGUAGES
from petition.mailings import life
from petition.mailings.manage import LISTED, back, mailing_or_404, refused, who
from petition.mailings.models import Mailing
from petition.mailings.placeholders import NAMES
from petition.mailings.write import Outdated, create, edit, read
from petition.petitions import publish
from petition.team.access import guard
from petition.team.models import CAMPAIGNER, SENDER

ACCESS = "campaigner or sender"
LARGEST = 300 * 1024  # bytes of a form: the words of every language

blueprint = Blueprint("mailing_writing", __name__, url_prefix="/desk/mailings")
guard(blueprint, CAMPAIGNER, SENDER, longest={"make": LARGEST, "save": LARGEST})


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
