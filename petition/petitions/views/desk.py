"""Pages of the team: the list of campaigns, and the editor of a petition's texts and settings."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.edit_merge import make_base, parse_base
from petition.core.exceptions import DomainError
from petition.core.i18n import LANGUAGES, current_language
from petition.core.optimistic_lock import EditConflict
from petition.petitions import labels, lifecycle
from petition.petitions import queries as petition_queries
from petition.petitions.counters import get_count, get_counts
from petition.petitions.editing import edit_form, edits
from petition.petitions.editing.consequences import describe_consequences
from petition.petitions.editing.text_diff import diff_texts
from petition.petitions.models import Petition, PetitionState
from petition.petitions.partners.models import PartnerRole
from petition.petitions.validation import Document
from petition.team import audit, unsaved_forms
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_FORM_BYTES = 1_500_000 * len(LANGUAGES)  # 100,000 characters in each, each up to nine bytes in a form
blueprint = Blueprint("desk_petitions", __name__, url_prefix="/desk")
require_roles(
    blueprint,
    TeamRole.CAMPAIGNER,
    max_body_bytes=dict.fromkeys(("create", "save", "preview"), MAX_FORM_BYTES),
    partners=dict.fromkeys(("editor", "save", "preview"), PartnerRole.EDITOR),
)

blueprint.add_app_template_global(lifecycle.list_possible_changes, "possible_changes")
blueprint.add_app_template_global(labels.transition_labels)
blueprint.add_app_template_global(labels.dropped_message)
for function in (
    labels.field_label,
    labels.value_label,
    labels.ask_labels,
    labels.disposable_policy_labels,
    labels.challenge_policy_labels,
    labels.petition_state_label,
    labels.share_channel_label,
    labels.source_label,
    diff_texts,
):
    blueprint.add_app_template_global(function)
blueprint.add_app_template_filter(labels.field_label, "field_name")
blueprint.add_app_template_filter(lambda code: LANGUAGES.get(code, code), "language_name")


def get_or_404(slug: str, *, lock: bool = False) -> Petition:
    """Return a petition in any state, or answer 404."""
    return petition_queries.find_by_slug(slug, lock=lock)


@blueprint.get("/petitions")
def index() -> str:
    """List the campaigns, those that are open first, archived ones apart."""
    found = petition_queries.list_all()
    groups = {state: [petition for petition in found if petition.state_now == state] for state in PetitionState}
    return render_template("petitions/desk/index.html", groups=groups, counted=get_counts(found))


def _render_form(petition: Petition | None, values: Mapping[str, str], status: int = 200, **more: Any) -> Response:
    """Render the form with its values and a preview of each language."""
    base = more.pop("base", None)
    body = render_template(
        "petitions/desk/edit.html",
        petition=petition,
        values=values,
        base=json.dumps(make_base(values) if base is None else base),
        previews={language: edit_form.build_preview(values, language) for language in LANGUAGES},
        all_languages=LANGUAGES,
        **{"errors": {}, "merge": None, "last_change": None, "unsaved": None, **more},
    )
    return make_response(body, status)


@blueprint.get("/petitions/new")
def new() -> Response:
    """Show an empty form, or what was typed into it and not saved."""
    unsaved = unsaved_forms.find(_signed_in(), request.path)
    empty = edit_form.make_empty(current_language())
    values = edit_form.read_values(unsaved_forms.read_fields(unsaved)) if unsaved else empty
    return _render_form(None, values, unsaved=unsaved)


@blueprint.post("/petitions/new")
def create() -> Response:
    """Create a draft."""
    values = edit_form.with_main_language(edit_form.read_values(request.form))
    if "preview" in request.form:
        return _render_form(None, values)
    try:
        unfinished = not values["opens"]
        document = edit_form.parse_values(values, unfinished=unfinished)
        if not values["slug"]:
            document.fields["slug"] = lifecycle.find_free_slug(document.fields["slug"])
        petition = lifecycle.create(document)
    except DomainError as error:
        return _render_form(None, values, 422, errors=error.errors)
    audit.record("petition.created", "petition", petition.slug, after={"title": edit_form.get_title(values)})
    unsaved_forms.discard(_signed_in(), request.path)
    db.session.commit()
    flash(_("Saved as a draft. Only the team sees it until it is opened."), "success")
    return redirect(url_for("desk_campaign.overview", slug=petition.slug), 303)


@blueprint.post("/petitions/<slug>/duplicate")
def duplicate(slug: str) -> Response:
    """Make a draft with the texts, settings and images of a petition, and lead to its form."""
    petition = get_or_404(slug)
    copy = lifecycle.duplicate(petition)
    title = copy.text_in(copy.default_language).title
    audit.record("petition.duplicated", "petition", copy.slug, after={"title": title, "copy_of": petition.slug})
    db.session.commit()
    flash(_("This is the copy, a draft. Give it a title and an address of its own; its dates are empty."), "success")
    return redirect(url_for("desk_petitions.editor", slug=copy.slug), 303)


def _signed_in() -> Account:
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return account


@blueprint.post("/petitions/preview")
def preview() -> str:
    """Render the preview of one language's texts."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    return render_template(
        "petitions/desk/preview.html", preview=edit_form.build_preview(edit_form.read_values(request.form), language)
    )


@blueprint.get("/petitions/<slug>/edit")
def editor(slug: str) -> Response:
    """Show a petition's texts and settings, or what was typed over them and not saved."""
    petition = get_or_404(slug)
    if unsaved := unsaved_forms.find(_signed_in(), request.path):
        fields = unsaved_forms.read_fields(unsaved)
        values, base = edit_form.read_values(fields), parse_base(fields.get("base", ""))
        return _render_form(petition, values, base=base, version=fields.get("version", ""), unsaved=unsaved)
    return _render_form(petition, edit_form.values_from_petition(petition), version=petition.version)


@blueprint.post("/petitions/<slug>/edit")
def save(slug: str) -> Response:
    """Save the form, unless somebody else saved meanwhile; for a public petition, show first what changes."""
    petition = get_or_404(slug, lock=True)
    base = parse_base(request.form.get("base", ""))
    values, base = edits.keep_opening(petition, edit_form.read_values(request.form), base)
    merge = edits.compare_edits(petition, base, values)
    context: dict[str, Any] = {
        "base": base, "version": petition.version, "merge": merge, "their_changes": edits.list_their_changes(merge),
        "last_change": audit.find_latest("petition", petition.slug),
    }  # fmt: skip
    if "preview" in request.form:
        return _render_form(petition, values, **context)
    version, resolution = request.form.get("version"), request.form.get("resolve")
    try:
        resolved = edits.resolve_edits(petition, values, merge, version=version, resolution=resolution)
    except EditConflict:
        return _render_form(petition, values, 409, stale=True, **context)
    try:
        unfinished = petition.state_now == PetitionState.DRAFT and not resolved["opens"]
        document = edit_form.parse_values(resolved, unfinished=unfinished)
        changes = edits.plan_changes(petition, document)
        is_public = petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED)
        if changes and is_public and "confirm" not in request.form:
            return _render_review(petition, resolved, changes)
        return _save_document(petition, document, changes)
    except DomainError as error:
        return _render_form(petition, resolved, 422, **context | {"errors": error.errors})


def _render_review(petition: Petition, values: Mapping[str, str], changes: list[edits.FieldChange]) -> Response:
    count = get_count(petition)
    body = render_template(
        "petitions/desk/review.html",
        petition=petition,
        values=values,
        changes=changes,
        base=request.form.get("base", ""),
        count=count,
        consequences=describe_consequences(changes, count),
    )
    return make_response(body)


def _save_document(petition: Petition, document: Document, changes: list[edits.FieldChange]) -> Response:
    if not changes:
        db.session.rollback()
        unsaved_forms.discard(_signed_in(), request.path)
        db.session.commit()
        flash(_("Nothing was changed."), "info")
        return redirect(url_for("desk_campaign.overview", slug=petition.slug), 303)
    edits.apply_document(petition, document)
    before, after = edits.summarise_for_audit(changes)
    audit.record("petition.changed", "petition", petition.slug, before=before, after=after)
    unsaved_forms.discard(_signed_in(), request.path)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("desk_campaign.overview", slug=petition.slug), 303)
