"""The team's search among the signatures: asked by a form, kept under a number, read page by page."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.petitions import publish
from petition.signatures import words
from petition.signatures.filters import Filter, read
from petition.signatures.models import PARTIES, STATES
from petition.signatures.search import COUNTED, Page, TooSlow, search
from petition.signatures.searches import keep, kept
from petition.team import audit
from petition.team.access import current, guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
blueprint = Blueprint("signature_search", __name__, url_prefix="/desk/signatures")
guard(blueprint, CAMPAIGNER)
for global_ in (words.signature_state_words, words.signature_field_words, words.party_words, words.act_words):
    blueprint.add_app_template_global(global_)


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the newest signatures, and ask which ones are looked for."""
    return _page(Filter(), None)


@blueprint.post("/")
def ask() -> Response | tuple[str, int]:
    """Keep a search under a number; that somebody searched is on record, without what for."""
    try:
        which = read(request.form)
    except Refusal as refusal:
        return _form_page(request.form.to_dict(), refusal.errors, 422)
    if not which.given():
        return redirect(url_for("signature_search.index"), 303)
    found = keep(which, me())
    audit.record("signature.searched", "signature", after={"by": sorted(which.given())})
    db.session.commit()
    return redirect(url_for("signature_search.show", search_id=found.id), 303)


@blueprint.get("/searches/<int:search_id>")
def show(search_id: int) -> tuple[str, int]:
    """Show what a search finds."""
    return _page(kept_or_404(search_id), search_id)


def me() -> int:
    """Return the number of the account that is signed in."""
    account = current()
    assert account is not None  # the guard let nobody else in
    return account.id


def kept_or_404(search_id: int) -> Filter:
    """Return a search that the account kept; 404 for others'."""
    try:
        return kept(search_id, me())
    except Refusal as refusal:
        abort(404 if isinstance(refusal, Gone) else 422)


def _page(which: Filter, search_id: int | None) -> tuple[str, int]:
    before = request.args.get("before", type=int)
    before = before if before and 0 < before < 2**63 else None
    try:
        page = search(which, before)
    except TooSlow:
        return _form_page(which.given(), {"form": too_slow()}, 422, search_id)
    return _form_page(which.given(), {}, 200, search_id, page=page, older=_older(page, search_id), first=before)


def too_slow() -> str:
    """Return what to do about a search that would read most of the table."""
    return _("This would take too long. Please narrow it: a petition, a state, a day, or more letters of a name.")


def _older(page: Page, search_id: int | None) -> str | None:
    if page.next is None:
        return None
    if search_id is None:
        return url_for("signature_search.index", before=page.next)
    return url_for("signature_search.show", search_id=search_id, before=page.next)


def _form_page(
    form: dict[str, Any], errors: dict[str, str], status: int, search_id: int | None = None, **found: Any
) -> tuple[str, int]:
    return render_template(
        "signatures/search.html",
        form=form,
        errors=errors,
        search_id=search_id,
        petitions=publish.every(),
        states=STATES,
        parties=PARTIES,
        counted=COUNTED,
        **found,
    ), status
