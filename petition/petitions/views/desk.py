"""The desk: all campaigns, and the words and settings of each."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.core.i18n import LANGUAGES, explicit_language
from petition.petitions import edit_form, editing, labels, lifecycle
from petition.petitions import queries as petition_queries
from petition.petitions.counters import get_count, get_counts
from petition.petitions.models import PETITION_STATES, Petition, PetitionState
from petition.petitions.text_diff import diff_texts
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
MAX_FORM_BYTES = 3_000_000  # bytes: two languages of 100,000 characters, each up to nine bytes in a form
blueprint = Blueprint("campaigns", __name__, url_prefix="/desk")
require_roles(
    blueprint, TeamRole.CAMPAIGNER, max_body_bytes=dict.fromkeys(("create", "save", "preview"), MAX_FORM_BYTES)
)

for shared in (labels.field_label, labels.value_label, labels.ask_labels, labels.petition_state_label, diff_texts):
    blueprint.add_app_template_global(shared)
blueprint.add_app_template_filter(labels.field_label, "field_name")


def get_or_404(slug: str, *, lock: bool = False) -> Petition:
    """Return a petition in any state, or answer 404."""
    try:
        return petition_queries.find_by_slug(slug, lock=lock)
    except NotFound:
        abort(404)


@blueprint.get("/")
def home() -> Response:
    """Lead to the campaigns."""
    return redirect(url_for("campaigns.index", lang=explicit_language()))


@blueprint.get("/petitions")
def index() -> str:
    """List the campaigns, those that are open first, archived ones apart."""
    found = petition_queries.list_all()
    order = (PetitionState.OPEN, "draft", PetitionState.CLOSED, "archived")
    groups = {state: [p for p in found if p.state_now == state] for state in order}
    assert set(groups) == set(PETITION_STATES)
    return render_template("petitions/desk.html", groups=groups, counted=get_counts(found))


def _render_form(petition: Petition | None, values: Mapping[str, str], status: int = 200, **more: Any) -> Response:
    """Show the form with what is typed in it, and what a reader would see of that."""
    base = more.pop("base", None) or {name: edit_form.digest(value) for name, value in values.items()}
    body = render_template(
        "petitions/edit.html",
        petition=petition,
        values=values,
        base=json.dumps(base),
        previews={language: edit_form.build_preview(values, language) for language in LANGUAGES},
        all_languages=LANGUAGES,
        **{"errors": {}, "clash": None, "last": None, **more},
    )
    return make_response(body, status)


@blueprint.get("/petitions/new")
def new() -> Response:
    """Show an empty form."""
    return _render_form(None, edit_form.EMPTY_VALUES)


@blueprint.post("/petitions/new")
def create() -> Response:
    """Make a draft."""
    values = edit_form.read_values(request.form)
    if "preview" in request.form:
        return _render_form(None, values)
    try:
        document = edit_form.parse_values(values)
        editing.require_slug_available(document.fields["slug"])
    except DomainError as refusal:
        return _render_form(None, values, 422, errors=refusal.errors)
    petition = lifecycle.create(document)
    audit.record("petition.created", "petition", petition.slug, after={"title": edit_form.get_title(values)})
    db.session.commit()
    flash(_("Saved as a draft. Nobody else sees it until it is opened."), "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)


@blueprint.post("/petitions/preview")
def preview() -> str:
    """Show what a reader would see of one language's texts."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    return render_template(
        "petitions/preview.html", shown=edit_form.build_preview(edit_form.read_values(request.form), language)
    )


@blueprint.get("/petitions/<slug>")
def editor(slug: str) -> Response:
    """Show a petition's words and settings."""
    petition = get_or_404(slug)
    return _render_form(petition, edit_form.values_from_petition(petition), version=petition.version)


@blueprint.post("/petitions/<slug>")
def save(slug: str) -> Response:
    """Save what was typed, unless somebody else saved meanwhile; of a public petition, show first what changes."""
    petition = get_or_404(slug, lock=True)
    values, base = edit_form.read_values(request.form), _read_base_digests()
    theirs = edit_form.values_from_petition(petition)
    clash = editing.detect_conflict(base, values, theirs)
    is_clash = any(edit_form.digest(theirs[name]) != base.get(name) for name in edit_form.FIELDS)
    stale = request.form.get("version", type=int) != petition.version or (is_clash and "resolve" not in request.form)
    shown: dict[str, Any] = {
        "base": base, "version": petition.version, "clash": clash if is_clash else None,
        "last": audit.find_latest("petition", petition.slug),
    }  # fmt: skip
    if "preview" in request.form:
        return _render_form(petition, values, **shown)
    if stale:
        return _render_form(petition, values, 409, stale=True, **shown)
    if request.form.get("resolve") == "together":
        values = dict(clash.merged_values)
    try:
        document = edit_form.parse_values(values)
        changed = editing.plan_changes(petition, document)
    except DomainError as refusal:
        return _render_form(petition, values, 422, **shown | {"errors": refusal.errors})
    if changed and petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED) and "confirm" not in request.form:
        return _render_review(petition, values, changed)
    return _save_document(petition, document, changed)


def _read_base_digests() -> dict[str, Any]:
    """Return the digests of what the editor began with; of a form that lost them, of nothing."""
    try:
        base = json.loads(request.form.get("base", ""))
    except (ValueError, RecursionError):
        return {"": ""}
    return base if isinstance(base, dict) and base else {"": ""}


def _render_review(petition: Petition, values: Mapping[str, str], changed: list[editing.FieldChange]) -> Response:
    body = render_template(
        "petitions/review.html",
        petition=petition,
        values=values,
        changed=changed,
        base=request.form.get("base", ""),
        count=get_count(petition),
        meanings=labels.describe_consequences(changed, get_count(petition)),
    )
    return make_response(body)


def _save_document(petition: Petition, document: Any, changed: list[editing.FieldChange]) -> Response:
    if not changed:
        db.session.rollback()
        flash(_("Nothing was changed."), "info")
        return redirect(url_for("campaigns.editor", slug=petition.slug), 303)
    editing.apply_document(petition, document)
    before, after = editing.summarise_for_audit(changed)
    audit.record("petition.changed", "petition", petition.slug, before=before, after=after)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)


@blueprint.errorhandler(IntegrityError)
def _handle_slug_taken(_error: IntegrityError) -> Response:
    """Show the form again to whoever chose an address that somebody else took at the same moment."""
    db.session.rollback()
    slug = (request.view_args or {}).get("slug")
    errors = {"slug": _("Another petition has this address already.")}
    version = request.form.get("version", type=int)
    return _render_form(
        get_or_404(slug) if slug else None, edit_form.read_values(request.form), 422, errors=errors, version=version
    )
