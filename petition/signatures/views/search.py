"""The desk's search of signatures: a form whose criteria are saved under a number, and the pages of results."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.pagination import parse_cursor
from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.signatures import labels
from petition.signatures.models import PARTIES, STATES
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.saved import get_saved_search, save_search
from petition.signatures.search.search import MAX_COUNTED_ROWS, SearchTimeout, search
from petition.signatures.staff.team_view import all_for_team
from petition.team import audit
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("signature_search", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)
for label in (
    labels.signature_state_label,
    labels.signature_field_label,
    labels.name_flag_label,
    labels.party_label,
    labels.report_reason_label,
    labels.review_label,
    labels.staff_action_labels,
    labels.withheld_sentence,
):
    blueprint.add_app_template_global(label)


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the search form and the newest signatures."""
    return _results_page(Filter(), None)


@blueprint.get("/petition/<slug>")
def of_petition(slug: str) -> tuple[str, int]:
    """Show the signatures of one petition, the newest first."""
    petition = petition_queries.find_by_slug(slug)
    return _results_page(Filter(petition=petition.slug), None, petition)


@blueprint.post("/")
def ask() -> Response | tuple[str, int]:
    """Save a search under a number. The audit trail gets the names of the criteria, not their values."""
    try:
        criteria = parse_filter(request.form)
    except ValidationError as error:
        return _render(request.form.to_dict(), error.errors, 422)
    if not criteria.criteria():
        return redirect(url_for("signature_search.index"), 303)
    saved = save_search(criteria, signed_in_account().id)
    audit.record("signature.searched", "signature", after={"by": sorted(criteria.criteria())})
    db.session.commit()
    return redirect(url_for("signature_search.show", search_id=saved.id), 303)


@blueprint.get("/searches/<int:search_id>")
def show(search_id: int) -> tuple[str, int]:
    """Show the results of a saved search."""
    criteria = get_saved_search_or_404(search_id)
    petition = petition_queries.find_by_slug(criteria.petition) if criteria.petition else None
    return _results_page(criteria, search_id, petition)


def signed_in_account() -> Account:
    """Return the account that is signed in, in a view that requires one."""
    account = current_account()
    assert account is not None  # the blueprint requires a role
    return account


def get_saved_search_or_404(search_id: int) -> Filter:
    """Return a search that the account saved, or abort with 404; with 422 for criteria that are no longer valid."""
    try:
        return get_saved_search(search_id, signed_in_account().id)
    except ValidationError:
        abort(422)


def _results_page(criteria: Filter, search_id: int | None, petition: Petition | None = None) -> tuple[str, int]:
    cursor = _read_cursor()
    try:
        page = search(criteria, cursor)
    except SearchTimeout as error:
        return _render(criteria.criteria(), error.errors, 422, search_id, petition=petition)
    signatures = all_for_team(page.items)
    if petition and search_id is None:
        newest = url_for("signature_search.of_petition", slug=petition.slug)
        older = url_for("signature_search.of_petition", slug=petition.slug, before=page.next)
    else:
        endpoint = "signature_search.show" if search_id else "signature_search.index"
        newest, older = url_for(endpoint, search_id=search_id), url_for(endpoint, search_id=search_id, before=page.next)
    return _render(
        criteria.criteria(), {}, 200, search_id, page=page, signatures=signatures, newest=newest,
        older=older if page.next else None, cursor=cursor, petition=petition,
    )  # fmt: skip


def _read_cursor() -> int | None:
    try:
        return parse_cursor(request.args.get("before"))
    except ValidationError:
        return None


def _render(
    form: dict[str, Any], errors: dict[str, str], status: int, search_id: int | None = None, **results: Any
) -> tuple[str, int]:
    return render_template(
        "signatures/search/search.html",
        form=form,
        errors=errors,
        search_id=search_id,
        petitions=petition_queries.list_all(),
        states=STATES,
        parties=PARTIES,
        max_counted=MAX_COUNTED_ROWS,
        **results,
    ), status
