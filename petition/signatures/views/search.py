"""The team's search among the signatures: asked by a form, kept under a number, read page by page."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.petitions import queries as petition_queries
from petition.signatures import labels
from petition.signatures.models import PARTIES, STATES
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.saved import get_saved_search, save_search
from petition.signatures.search.search import MAX_COUNTED_ROWS, Page, SearchTimeout, search
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("signature_search", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)
for global_ in (
    labels.signature_state_label,
    labels.signature_field_label,
    labels.party_label,
    labels.staff_action_labels,
):
    blueprint.add_app_template_global(global_)


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the newest signatures, and ask which ones are looked for."""
    return _page(Filter(), None)


@blueprint.post("/")
def ask() -> Response | tuple[str, int]:
    """Keep a search under a number; that somebody searched is on record, without what for."""
    try:
        which = parse_filter(request.form)
    except DomainError as refusal:
        return _form_page(request.form.to_dict(), refusal.errors, 422)
    if not which.criteria():
        return redirect(url_for("signature_search.index"), 303)
    found = save_search(which, current_account_id())
    audit.record("signature.searched", "signature", after={"by": sorted(which.criteria())})
    db.session.commit()
    return redirect(url_for("signature_search.show", search_id=found.id), 303)


@blueprint.get("/searches/<int:search_id>")
def show(search_id: int) -> tuple[str, int]:
    """Show what a search finds."""
    return _page(get_saved_search_or_404(search_id), search_id)


def current_account_id() -> int:
    """Return the number of the account that is signed in."""
    account = current_account()
    assert account is not None  # the guard let nobody else in
    return account.id


def get_saved_search_or_404(search_id: int) -> Filter:
    """Return a search that the account kept; 404 for others'."""
    try:
        return get_saved_search(search_id, current_account_id())
    except DomainError as refusal:
        abort(404 if isinstance(refusal, NotFound) else 422)


def _page(which: Filter, search_id: int | None) -> tuple[str, int]:
    before = request.args.get("before", type=int)
    before = before if before and 0 < before < 2**63 else None
    try:
        page = search(which, before)
    except SearchTimeout:
        return _form_page(which.criteria(), {"form": search_timeout_message()}, 422, search_id)
    return _form_page(
        which.criteria(), {}, 200, search_id, page=page, older=_next_page_url(page, search_id), first=before
    )


def search_timeout_message() -> str:
    """Return what to do about a search that would read most of the table."""
    return _("This would take too long. Please narrow it: a petition, a state, a day, or more letters of a name.")


def _next_page_url(page: Page, search_id: int | None) -> str | None:
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
        petitions=petition_queries.list_all(),
        states=STATES,
        parties=PARTIES,
        counted=MAX_COUNTED_ROWS,
        **found,
    ), status
