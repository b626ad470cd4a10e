"""The desk: all campaigns, and the words and settings of each."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.core.i18n import LANGUAGES, explicit_language
from petition.petitions import edit, form, publish, words
from petition.petitions.count import count_of, counts
from petition.petitions.diff import pieces
from petition.petitions.models import CLOSED, OPEN, STATES, Petition
from petition.team import audit
from petition.team.access import guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
LONGEST = 3_000_000  # bytes: two languages of 100,000 characters, each up to nine bytes in a form
blueprint = Blueprint("campaigns", __name__, url_prefix="/desk")
guard(blueprint, CAMPAIGNER, longest=dict.fromkeys(("create", "save", "preview"), LONGEST))

for shared in (words.field_words, words.value_words, words.ask_words, words.petition_state_words, pieces):
    blueprint.add_app_template_global(shared)
blueprint.add_app_template_filter(words.field_words, "field_name")


def held(slug: str, *, lock: bool = False) -> Petition:
    """Return a petition in any state, or answer 404."""
    try:
        return publish.find(slug, lock=lock)
    except Gone:
        abort(404)


@blueprint.get("/")
def home() -> Response:
    """Lead to the campaigns."""
    return redirect(url_for("campaigns.index", lang=explicit_language()))


@blueprint.get("/petitions")
def index() -> str:
    """List the campaigns, those that are open first, archived ones apart."""
    found = publish.every()
    order = (OPEN, "draft", CLOSED, "archived")
    groups = {state: [p for p in found if p.state_now == state] for state in order}
    assert set(groups) == set(STATES)
    return render_template("petitions/desk.html", groups=groups, counted=counts(found))


def _page(petition: Petition | None, values: Mapping[str, str], status: int = 200, **more: Any) -> Response:
    """Show the form with what is typed in it, and what a reader would see of that."""
    base = more.pop("base", None) or {name: form.digest(value) for name, value in values.items()}
    body = render_template(
        "petitions/edit.html",
        petition=petition,
        values=values,
        base=json.dumps(base),
        previews={language: form.preview_of(values, language) for language in LANGUAGES},
        all_languages=LANGUAGES,
        **{"errors": {}, "clash": None, "last": None, **more},
    )
    return make_response(body, status)


@blueprint.get("/petitions/new")
def new() -> Response:
    """Show an empty form."""
    return _page(None, form.EMPTY)


@blueprint.post("/petitions/new")
def create() -> Response:
    """Make a draft."""
    values = form.typed(request.form)
    if "preview" in request.form:
        return _page(None, values)
    try:
        document = form.read(values)
        edit.require_free(document.fields["slug"])
    except Refusal as refusal:
        return _page(None, values, 422, errors=refusal.errors)
    petition = publish.create(document)
    audit.record("petition.created", "petition", petition.slug, after={"title": form.title_of(values)})
    db.session.commit()
    flash(_("Saved as a draft. Nobody else sees it until it is opened."), "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)


@blueprint.post("/petitions/preview")
def preview() -> str:
    """Show what a reader would see of one language's texts."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    return render_template("petitions/preview.html", shown=form.preview_of(form.typed(request.form), language))


@blueprint.get("/petitions/<slug>")
def editor(slug: str) -> Response:
    """Show a petition's words and settings."""
    petition = held(slug)
    return _page(petition, form.values_of(petition), version=petition.version)


@blueprint.post("/petitions/<slug>")
def save(slug: str) -> Response:
    """Save what was typed, unless somebody else saved meanwhile; of a public petition, show first what changes."""
    petition = held(slug, lock=True)
    values, base = form.typed(request.form), _base()
    theirs = form.values_of(petition)
    clash = edit.conflict(base, values, theirs)
    is_clash = any(form.digest(theirs[name]) != base.get(name) for name in form.FIELDS)
    stale = request.form.get("version", type=int) != petition.version or (is_clash and "resolve" not in request.form)
    shown: dict[str, Any] = {
        "base": base, "version": petition.version, "clash": clash if is_clash else None,
        "last": audit.latest("petition", petition.slug),
    }  # fmt: skip
    if "preview" in request.form:
        return _page(petition, values, **shown)
    if stale:
        return _page(petition, values, 409, stale=True, **shown)
    if request.form.get("resolve") == "together":
        values = dict(clash.together)
    try:
        document = form.read(values)
        changed = edit.planned(petition, document)
    except Refusal as refusal:
        return _page(petition, values, 422, **shown | {"errors": refusal.errors})
    if changed and petition.state_now in (OPEN, CLOSED) and "confirm" not in request.form:
        return _review(petition, values, changed)
    return _saved(petition, document, changed)


def _base() -> dict[str, Any]:
    """Return the digests of what the editor began with; of a form that lost them, of nothing."""
    try:
        base = json.loads(request.form.get("base", ""))
    except (ValueError, RecursionError):
        return {"": ""}
    return base if isinstance(base, dict) and base else {"": ""}


def _review(petition: Petition, values: Mapping[str, str], changed: list[edit.Change]) -> Response:
    body = render_template(
        "petitions/review.html",
        petition=petition,
        values=values,
        changed=changed,
        base=request.form.get("base", ""),
        count=count_of(petition),
        meanings=words.meanings(changed, count_of(petition)),
    )
    return make_response(body)


def _saved(petition: Petition, document: Any, changed: list[edit.Change]) -> Response:
    if not changed:
        db.session.rollback()
        flash(_("Nothing was changed."), "info")
        return redirect(url_for("campaigns.editor", slug=petition.slug), 303)
    edit.edit(petition, document)
    before, after = edit.on_record(changed)
    audit.record("petition.changed", "petition", petition.slug, before=before, after=after)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)


@blueprint.errorhandler(IntegrityError)
def _taken(_error: IntegrityError) -> Response:
    """Show the form again to whoever chose an address that somebody else took at the same moment."""
    db.session.rollback()
    slug = (request.view_args or {}).get("slug")
    errors = {"slug": _("Another petition has this address already.")}
    version = request.form.get("version", type=int)
    return _page(held(slug) if slug else None, form.typed(request.form), 422, errors=errors, version=version)
