"""The team's pages of mailings: the form, and the conflict with what somebody else saved meanwhile."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from petition.core.db import db
from petition.core.edit_merge import compare, digest, make_base, parse_base
from petition.core.exceptions import DomainError
from petition.core.i18n import LANGUAGES, current_language
from petition.core.languages.countries import list_countries
from petition.core.optimistic_lock import EditConflict
from petition.mailings import lifecycle, partner_senders
from petition.mailings.audience.segment import segment_from_dict
from petition.mailings.content.placeholders import PLACEHOLDERS
from petition.mailings.drafting.drafts import create, edit, parse_draft
from petition.mailings.drafting.form_values import values_from_mailing
from petition.mailings.drafting.starters import build_form_of_update, find_starter, list_starters
from petition.mailings.labels import form_labels, trigger_labels
from petition.mailings.models import Mailing, MailingState
from petition.mailings.views.desk import (
    PAGE_SIZE,
    find_asked_petition,
    flash_error_and_redirect,
    get_mailing_or_404,
    redirect_to_mailing,
    require_current_account,
)
from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.petitions.partners.access import is_outsider
from petition.petitions.partners.models import PartnerRole
from petition.petitions.updates.models import PetitionUpdate
from petition.team import unsaved_forms
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner or sender"
# Fields of the request that are not of the mailing.
NOT_MERGED = ("csrf_token", "owner", "version", "base", "resolve", "copy")
MAX_FORM_BYTES = 150 * 1024 * len(LANGUAGES)
LIST_FIELDS = ("petitions", "languages", "professions")

blueprint = Blueprint("mailing_edit", __name__, url_prefix="/desk/mailings")
PARTNER_VIEWS = ("new", "make", "editor", "save")
require_roles(
    blueprint, TeamRole.CAMPAIGNER, TeamRole.SENDER, max_body_bytes={"make": MAX_FORM_BYTES, "save": MAX_FORM_BYTES},
    partners=dict.fromkeys(PARTNER_VIEWS, PartnerRole.SENDER),
)  # fmt: skip


def _new_form_values(petition: Petition | None) -> dict[str, Any]:
    """Return the values of a new mailing: those of a petition, and of the template in the address, if there are."""
    form: dict[str, Any] = {"undo_minutes": 5, "failure_limit": 5, "unsubscribe_limit": 2, "petitions": []}
    for latest in _list_petitions()[:1]:
        form["timezone"] = latest.timezone
    if petition:
        form |= {"petitions": [petition.id], "sender_name": petition.sender_name, "timezone": petition.timezone}
        form["reply_to"] = petition.reply_to
    if (account := require_current_account()) and is_outsider(account):
        form["partner"] = next((partner.id for partner in partner_senders.list_partners(account)), None)
    return form | find_starter(request.args.get("template", ""))


def _list_petitions() -> list[Petition]:
    """Return the petitions to whose signers the account may write."""
    account, found = require_current_account(), petition_queries.list_all()
    if not is_outsider(account):
        return found
    own = {row.petition_id for row in partner_senders.list_sending(account)}
    return [petition for petition in found if petition.id in own]


def _submitted_values() -> dict[str, Any]:
    return _read_values(request.form)


def _read_values(submitted: MultiDict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: submitted.get(name, "").replace("\0", "") for name in submitted}
    for name in LIST_FIELDS:
        values[name] = [value.replace("\0", "") for value in submitted.getlist(name)]
    values["professions"] = [line for value in values["professions"] for line in value.splitlines() if line.strip()]
    return values


def _render_form(mailing: Mailing | None, form: dict[str, Any], version: int | str, **context: Any) -> str:
    begun = mailing is not None and mailing.state == MailingState.PAUSED
    account = require_current_account()
    started = select(Mailing).where(Mailing.started_at.is_not(None)).order_by(Mailing.id.desc()).limit(PAGE_SIZE)
    started = partner_senders.restrict(started, account)
    return render_template(
        "mailings/edit/form.html", mailing=mailing, form=form, version=version, petitions=_list_petitions(),
        partners=partner_senders.list_partners(account), is_outsider=is_outsider(account),
        begun=begun, starters=[] if mailing else list_starters(), countries=list_countries(current_language()),
        mailings=list(db.session.scalars(started)), placeholders=PLACEHOLDERS, all_languages=LANGUAGES, translate=_,
        labels=form_labels(), triggers=trigger_labels(),
        **{"errors": {}, "merge": None, "unsaved": None, "base": json.dumps(make_base(_of_mailing(form))), **context},
    )  # fmt: skip


@blueprint.get("/new")
def new() -> Any:
    """Show an empty form, or what was typed into it and not saved."""
    if unsaved := unsaved_forms.find(require_current_account(), request.path):
        return _render_form(None, _read_values(unsaved_forms.read_fields(unsaved)), 0, unsaved=unsaved)
    return _render_form(None, _new_form_values(find_asked_petition()), 0)


@blueprint.post("/new")
def make() -> Any:
    """Create a draft."""
    return _create(_("Saved as a draft. Nothing is sent until it has been tested and scheduled."))


@blueprint.post("/of-update/<int:update_id>")
def make_of_update(update_id: int) -> Any:
    """Create a draft of an update of a petition, to all its signers who agreed to news."""
    update = db.get_or_404(PetitionUpdate, update_id)
    petition = db.session.get_one(Petition, update.petition_id)
    form = _new_form_values(petition) | build_form_of_update(update)
    try:
        mailing = create(parse_draft(form, require_current_account()), require_current_account().email)
    except DomainError as error:
        db.session.rollback()
        flash(" ".join(f"{message[:1].upper()}{message[1:]}." for message in error.errors.values()), "error")
        return redirect(url_for("petition_updates.index", slug=petition.slug), 303)
    db.session.commit()
    flash(_("Saved as a draft. Nothing is sent until it has been tested and scheduled."), "success")
    return redirect_to_mailing(mailing.id)


@blueprint.get("/<int:mailing_id>/edit")
def editor(mailing_id: int) -> Any:
    """Show the form of a mailing that can still be edited."""
    mailing = get_mailing_or_404(mailing_id)
    try:
        partner_senders.require_author(require_current_account(), mailing)
        lifecycle.require_transition("correct" if mailing.state == MailingState.PAUSED else "edit", mailing)
    except lifecycle.InvalidMailingTransition as error:
        return flash_error_and_redirect(error, mailing_id)
    if unsaved := unsaved_forms.find(require_current_account(), request.path):
        fields = unsaved_forms.read_fields(unsaved)
        version, base = fields.get("version", ""), fields.get("base", "")
        return _render_form(mailing, _read_values(fields), version, base=base, unsaved=unsaved)
    return _render_form(mailing, values_from_mailing(mailing), mailing.version)


@blueprint.post("/<int:mailing_id>/edit")
def save(mailing_id: int) -> Any:
    """Save; if somebody else saved meanwhile, show what both changed, and save them combined or one over the other.

    What was typed while the mailing was scheduled is shown again, to be saved as a mailing of its own.
    """
    if "copy" in request.form:
        return _create(_("Saved as a draft of its own."))
    mailing, submitted = get_mailing_or_404(mailing_id, lock=True), _submitted_values()
    if mailing.state == MailingState.PAUSED:
        # Which the form does not ask for any more.
        submitted |= asdict(segment_from_dict(mailing.segment)) | {"trigger": mailing.trigger}
        submitted.setdefault("trigger_value", mailing.trigger_value)
    version, base = request.form.get("version"), request.form.get("base", "")
    mine, theirs = _of_mailing(submitted), _of_mailing(values_from_mailing(mailing))
    # A browser does not send what is not ticked or not shown.
    found = compare(parse_base(base), mine, theirs, sorted({*mine, *theirs}), missing=digest(""))
    combined = found.merged_values if request.form.get("resolve") == "together" else submitted
    try:
        partner_senders.require_author(require_current_account(), mailing)
        changed = edit(mailing, parse_draft(combined, require_current_account()), version)
    except lifecycle.InvalidMailingTransition as error:
        db.session.rollback()
        mailing = get_mailing_or_404(mailing_id)
        return _render_form(mailing, submitted, version or "", base=base, locked=str(error)), 409
    except partner_senders.NotTheAuthor as error:
        return flash_error_and_redirect(error, mailing_id)
    except EditConflict as error:
        db.session.rollback()
        mailing = get_mailing_or_404(mailing_id)
        form = _render_form(mailing, submitted, mailing.version, base=base, errors=error.errors, merge=found)
        return form, 409
    except DomainError as error:
        db.session.rollback()
        mailing = get_mailing_or_404(mailing_id)
        return _render_form(mailing, combined, version or "", base=base, errors=error.errors), 422
    unsaved_forms.discard(require_current_account(), request.path)
    db.session.commit()
    if not changed:
        message = _("Nothing had changed.")
    elif mailing.tested_version == mailing.content_version:
        message = _("Saved.")
    else:
        message = _("Saved. Test it again before it is sent.")
    flash(message, "success")
    return redirect_to_mailing(mailing_id)


def _of_mailing(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in form.items() if name not in NOT_MERGED}


def _create(done: str) -> Any:
    """Save what was typed as a draft of its own, and say so in the words of `done`."""
    submitted = _submitted_values()
    try:
        mailing = create(parse_draft(submitted, require_current_account()), require_current_account().email)
    except DomainError as error:
        db.session.rollback()
        return _render_form(None, submitted, 0, errors=error.errors), 422
    unsaved_forms.discard(require_current_account(), request.path)
    db.session.commit()
    flash(done, "success")
    return redirect_to_mailing(mailing.id)
