"""Organisations of a petition on the desk: their order, their short names, and merging duplicates."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import Conflict, ValidationError
from petition.core.pagination import parse_cursor
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.views.desk import get_or_404
from petition.signatures.models import Signature
from petition.signatures.staff import organisations
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("organisations", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


def _organisation_or_404(petition: Petition, signature_id: int) -> Signature:
    return organisations.get_organisation(petition, signature_id)


def _page(petition: Petition, status: int = 200, **context: Any) -> Response:
    try:
        cursor = parse_cursor(request.args.get("after"))
    except ValidationError:
        cursor = None
    body = render_template(
        "signatures/organisations/index.html",
        petition=petition,
        count=get_count(petition),
        positioned=organisations.list_positioned(petition),
        unpositioned=organisations.list_unpositioned(petition, cursor),
        duplicates=organisations.find_duplicates(petition),
        merged=organisations.list_merged(petition),
        **{"invalid": None, **context},
    )
    return make_response(body, status)


@blueprint.get("/<slug>/organisations")
def index(slug: str) -> Response:
    """List the organisations in the order of the public page."""
    return _page(get_or_404(slug))


@blueprint.post("/<slug>/organisations/<int:signature_id>/place")
def place(slug: str, signature_id: int) -> Response:
    """Change the position of an organisation."""
    petition = get_or_404(slug, lock=True)
    move, signature = request.form.get("how", ""), _organisation_or_404(petition, signature_id)
    if move not in organisations.MOVES:
        abort(400)
    before, after = organisations.reposition(petition, signature, move)
    if before != after:
        audit.record("organisation.placed", "signature", signature.id, before={"place": before}, after={"place": after})
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug, _anchor=f"o{signature_id}"), 303)


@blueprint.post("/<slug>/organisations/<int:signature_id>/logo")
def logo(slug: str, signature_id: int) -> Response:
    """Set the short name of an organisation."""
    petition = get_or_404(slug)
    signature = _organisation_or_404(petition, signature_id)
    before, text = signature.logo_text, request.form.get("logo_text", "")
    try:
        organisations.set_logo_text(signature, text)
    except ValidationError as error:
        db.session.rollback()
        invalid = {"id": signature_id, "text": text, "error": error.errors["logo_text"]}
        return _page(petition, 422, invalid=invalid)
    if before != signature.logo_text:
        after = {"logo_text": signature.logo_text}
        audit.record("organisation.renamed", "signature", signature.id, before={"logo_text": before}, after=after)
        flash(_("Saved."), "success")
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug, _anchor=f"o{signature_id}"), 303)


@blueprint.get("/<slug>/organisations/merge")
def compare(slug: str) -> Response | str:
    """Show organisations side by side, and what merging them will do."""
    petition = get_or_404(slug)
    try:
        candidates = organisations.get_mergeable(petition, request.args.getlist("id", type=int))
    except Conflict:
        flash(_("Choose two organisations or more."), "info")
        return redirect(url_for("organisations.index", slug=slug))
    return render_template(
        "signatures/organisations/merge.html", petition=petition, candidates=candidates, count=get_count(petition)
    )


@blueprint.post("/<slug>/organisations/merge")
def join(slug: str) -> Response:
    """Merge organisations into the one to keep."""
    petition = get_or_404(slug, lock=True)
    kept_id = request.form.get("keep", 0, type=int)
    try:
        merged_ids = organisations.merge(petition, request.form.getlist("id", type=int), kept_id)
    except Conflict:
        db.session.rollback()
        flash(_("Nothing was merged: some of them have changed in the meantime. Please choose again."), "info")
        return redirect(url_for("organisations.index", slug=slug), 303)
    for merged_id in merged_ids:
        audit.record("organisation.merged", "signature", merged_id, after={"into": kept_id})
    db.session.commit()
    flash(ngettext("%(num)s signature is merged.", "%(num)s signatures are merged.", len(merged_ids)), "success")
    return redirect(url_for("organisations.index", slug=slug), 303)


@blueprint.post("/<slug>/organisations/<int:signature_id>/unmerge")
def part(slug: str, signature_id: int) -> Response:
    """Let a merged organisation count again."""
    signature = _organisation_or_404(get_or_404(slug), signature_id)
    into = signature.merged_into
    if organisations.unmerge(signature):
        audit.record("organisation.unmerged", "signature", signature.id, before={"into": into})
        flash(_("This organisation counts again."), "success")
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug), 303)
