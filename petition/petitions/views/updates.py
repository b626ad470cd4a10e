"""The team's pages of a petition's updates: list, write, preview, publish, take back, delete."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import Conflict, ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.optimistic_lock import EditConflict
from petition.core.text import is_printable_text
from petition.petitions.markdown import find_dropped, text_to_html
from petition.petitions.models import Petition, PetitionState
from petition.petitions.partners.models import PartnerRole
from petition.petitions.updates import editing
from petition.petitions.updates.models import PetitionUpdate
from petition.petitions.views.desk import get_or_404
from petition.team import audit, unsaved_forms
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_FORM_BYTES = 350_000 * len(LANGUAGES)  # 30,000 characters in each, each up to nine bytes in a form
blueprint = Blueprint("petition_updates", __name__, url_prefix="/desk/petitions")
PARTNER_VIEWS = ("index", "preview", "new", "create", "editor", "save", "take_back", "delete")
require_roles(
    blueprint,
    TeamRole.CAMPAIGNER,
    max_body_bytes=dict.fromkeys(("create", "save", "preview"), MAX_FORM_BYTES),
    partners=dict.fromkeys(PARTNER_VIEWS, PartnerRole.EDITOR),
)


def _signed_in() -> Account:
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return account


@blueprint.get("/<slug>/updates")
def index(slug: str) -> str:
    """List the updates, drafts too."""
    petition = get_or_404(slug)
    return render_template("petitions/updates/index.html", petition=petition, updates=editing.list_updates(petition))


def _render_form(
    petition: Petition, update: PetitionUpdate | None, values: Mapping[str, str], status: int = 200, **more: Any
) -> Response:
    body = render_template(
        "petitions/updates/edit.html",
        petition=petition,
        update=update,
        values=values,
        previews={language: _build_preview(values, language) for language in LANGUAGES},
        all_languages=LANGUAGES,
        is_public=petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED),
        version=more.pop("version", update.version if update else ""),
        **{"errors": {}, "unsaved": None, "stale": False, **more},
    )
    return make_response(body, status)


def _build_preview(values: Mapping[str, str], language: str) -> dict[str, Any]:
    body = values[f"{language}.body"]
    shown = body if len(body) <= editing.MAX_BODY_CHARACTERS and is_printable_text(body) else ""
    return {"title": values[f"{language}.title"], "html": text_to_html(shown), "dropped": find_dropped(shown)}


@blueprint.post("/<slug>/updates/preview")
def preview(slug: str) -> str:
    """Render the preview of one language's text."""
    get_or_404(slug)
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    shown = _build_preview(editing.read_values(request.form), language)
    return render_template("petitions/updates/preview.html", preview=shown)


@blueprint.get("/<slug>/updates/new")
def new(slug: str) -> Response:
    """Show an empty form, or what was typed into it and not saved."""
    petition = get_or_404(slug)
    unsaved = unsaved_forms.find(_signed_in(), request.path)
    if unsaved:
        values = editing.read_values(unsaved_forms.read_fields(unsaved))
    else:
        values = editing.read_values({"kind": "update", "happened_on": clock.now().date().isoformat()})
    return _render_form(petition, None, values, unsaved=unsaved)


@blueprint.post("/<slug>/updates/new")
def create(slug: str) -> Response:
    """Write an update, as a draft or published at once."""
    petition, values = get_or_404(slug, lock=True), editing.read_values(request.form)
    if "preview" in request.form:
        return _render_form(petition, None, values)
    try:
        update = editing.create(petition, values, publish="publish" in request.form)
    except ValidationError as error:
        return _render_form(petition, None, values, 422, errors=error.errors)
    return _finish(petition, update, "published" if update.published_at else "written")


@blueprint.get("/<slug>/updates/<int:update_id>")
def editor(slug: str, update_id: int) -> Response:
    """Show an update, or what was typed over it and not saved."""
    petition = get_or_404(slug)
    update = editing.find_update(petition, update_id)
    if unsaved := unsaved_forms.find(_signed_in(), request.path):
        fields = unsaved_forms.read_fields(unsaved)
        values = editing.read_values(fields)
        return _render_form(petition, update, values, unsaved=unsaved, version=fields.get("version", ""))
    return _render_form(petition, update, editing.values_from_update(update))


@blueprint.post("/<slug>/updates/<int:update_id>")
def save(slug: str, update_id: int) -> Response:
    """Save an update; published if asked. Where somebody else saved meanwhile, what was typed is shown again."""
    petition = get_or_404(slug)
    update, values = editing.find_update(petition, update_id, lock=True), editing.read_values(request.form)
    version, was_published = request.form.get("version", ""), update.published_at is not None
    if "preview" in request.form:
        return _render_form(petition, update, values, version=version)
    try:
        editing.edit(update, values, version, publish="publish" in request.form)
    except EditConflict:
        return _render_form(petition, update, values, 409, stale=True)
    except ValidationError as error:
        return _render_form(petition, update, values, 422, errors=error.errors, version=version)
    return _finish(petition, update, "published" if update.published_at and not was_published else "changed")


@blueprint.post("/<slug>/updates/<int:update_id>/take-back")
def take_back(slug: str, update_id: int) -> Response:
    """Make an update a draft again."""
    petition = get_or_404(slug)
    update = editing.find_update(petition, update_id, lock=True)
    editing.take_back(update)
    return _finish(petition, update, "taken_back")


@blueprint.post("/<slug>/updates/<int:update_id>/delete")
def delete(slug: str, update_id: int) -> Response:
    """Delete a draft; what is published is taken back first."""
    petition = get_or_404(slug)
    update = editing.find_update(petition, update_id, lock=True)
    try:
        editing.delete(update)
    except Conflict as error:
        db.session.rollback()
        flash(str(error), "danger")
        return redirect(url_for("petition_updates.index", slug=slug), 303)
    return _finish(petition, update, "deleted")


def _finish(petition: Petition, update: PetitionUpdate, done: str) -> Response:
    """Record what was done, forget what was kept of the form, commit, and go back to the list."""
    after = {"update": update.id, "kind": update.kind}
    audit.record(f"petition.update_{done}", "petition", petition.slug, after=after)
    unsaved_forms.discard(_signed_in(), request.path.removesuffix("/delete"))
    db.session.commit()
    messages = {
        "published": _("Published: it is on the petition’s page."),
        "written": _("Saved as a draft. Only the team sees it until it is published."),
        "changed": _("Saved."),
        "taken_back": _("It is a draft again: the public pages no longer show it."),
        "deleted": _("Deleted."),
    }
    flash(messages[done], "success")
    return redirect(url_for("petition_updates.index", slug=petition.slug), 303)
