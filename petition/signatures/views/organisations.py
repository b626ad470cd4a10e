"""Organisations at the desk: their order, their short names, and several signatures of the same one."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.views.desk import get_or_404
from petition.signatures.models import Signature
from petition.signatures.staff import merge_organisations, organisations
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("organisations", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


def _signature(petition: Petition, signature_id: int) -> Signature:
    try:
        return organisations.get_organisation(petition, signature_id)
    except NotFound:
        abort(404)


def _page(petition: Petition, status: int = 200, **more: Any) -> Response:
    after = request.args.get("after", type=int)
    others = organisations.list_unpositioned(petition, after if after and 0 < after < 2**63 else None)
    if len(others) == organisations.PAGE_SIZE:
        more["following"] = url_for("organisations.index", slug=petition.slug, after=others[-1].id)
    body = render_template(
        "signatures/organisations.html",
        petition=petition,
        count=get_count(petition),
        arranged=organisations.list_positioned(petition),
        others=others,
        alike=organisations.find_duplicates(petition),
        merged=merge_organisations.list_merged(petition),
        **{"wrong": None, **more},
    )
    return make_response(body, status)


@blueprint.get("/<slug>/organisations")
def index(slug: str) -> Response:
    """Show the organisations as the public sees them, and what can be done."""
    return _page(get_or_404(slug))


@blueprint.post("/<slug>/organisations/<int:signature_id>/place")
def place(slug: str, signature_id: int) -> Response:
    """Move an organisation."""
    petition = get_or_404(slug, lock=True)
    how, signature = request.form.get("how", ""), _signature(petition, signature_id)
    if how not in organisations.MOVES:
        abort(400)
    before, after = organisations.reposition(petition, signature, how)
    if before != after:
        audit.record("organisation.placed", "signature", signature.id, before={"place": before}, after={"place": after})
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug, _anchor=f"o{signature_id}"), 303)


@blueprint.post("/<slug>/organisations/<int:signature_id>/logo")
def logo(slug: str, signature_id: int) -> Response:
    """Set the short name of an organisation."""
    petition = get_or_404(slug)
    signature = _signature(petition, signature_id)
    before, typed = signature.logo_text, request.form.get("logo_text", "")
    try:
        organisations.set_logo_text(signature, typed)
    except DomainError as refusal:
        db.session.rollback()
        advice = refusal.errors["logo_text"]
        too_long = _("Keep this within %(number)s characters.", number=organisations.MAX_LOGO_CHARACTERS)
        return _page(petition, 422, wrong=(signature_id, typed, too_long if advice == "too long" else advice))
    if before != signature.logo_text:
        after = {"logo_text": signature.logo_text}
        audit.record("organisation.renamed", "signature", signature.id, before={"logo_text": before}, after=after)
        flash(_("Saved."), "success")
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug, _anchor=f"o{signature_id}"), 303)


@blueprint.get("/<slug>/organisations/merge")
def compare(slug: str) -> Response | str:
    """Show several signatures side by side, and what merging them would do."""
    petition = get_or_404(slug)
    try:
        found = merge_organisations.get_mergeable(petition, request.args.getlist("id", type=int))
    except DomainError:
        flash(_("Choose two organisations or more."), "info")
        return redirect(url_for("organisations.index", slug=slug))
    return render_template("signatures/merge.html", petition=petition, found=found, count=get_count(petition))


@blueprint.post("/<slug>/organisations/merge")
def join(slug: str) -> Response:
    """Merge them."""
    petition = get_or_404(slug, lock=True)
    kept = request.form.get("keep", 0, type=int)
    try:
        others = merge_organisations.merge(petition, request.form.getlist("id", type=int), kept)
    except DomainError:
        db.session.rollback()
        flash(_("Nothing was merged: some of them changed meanwhile. Please choose again."), "info")
        return redirect(url_for("organisations.index", slug=slug), 303)
    for other in others:
        audit.record("organisation.merged", "signature", other, after={"into": kept})
    db.session.commit()
    flash(ngettext("%(num)s signature is merged.", "%(num)s signatures are merged.", len(others)), "success")
    return redirect(url_for("organisations.index", slug=slug), 303)


@blueprint.post("/<slug>/organisations/<int:signature_id>/unmerge")
def part(slug: str, signature_id: int) -> Response:
    """Let a merged organisation count again."""
    signature = _signature(get_or_404(slug), signature_id)
    into = signature.merged_into
    if merge_organisations.unmerge(signature):
        audit.record("organisation.unmerged", "signature", signature.id, before={"into": into})
        flash(_("It counts for itself again."), "success")
    db.session.commit()
    return redirect(url_for("organisations.index", slug=slug), 303)
