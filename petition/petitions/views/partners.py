"""Pages of the organisations of a coalition: list, identity, members. For admins."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.i18n import current_language
from petition.petitions.partners import editing
from petition.petitions.partners.models import Partner
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "admin"
blueprint = Blueprint("partners", __name__, url_prefix="/desk/partners")
require_roles(blueprint, TeamRole.ADMIN)


@blueprint.get("")
def index() -> str:
    """List the organisations, with a form for another one."""
    return render_template("petitions/partners/index.html", partners=editing.list_partners(), form={}, errors={})


@blueprint.post("")
def create() -> Any:
    """Add an organisation."""
    try:
        partner = editing.create_partner(_read_form())
    except DomainError as error:
        db.session.rollback()
        page = render_template(
            "petitions/partners/index.html", partners=editing.list_partners(), form=_read_form(), errors=error.errors
        )
        return page, 422
    db.session.commit()
    flash(_("Added. Name its members, then make it a partner of a petition."), "success")
    return redirect(url_for("partners.show", partner_id=partner.id), 303)


def _read_form() -> dict[str, str]:
    return {name: value.replace("\0", "") for name, value in request.form.items()}


def _render(partner: Partner, errors: dict[str, str], form: dict[str, Any] | None = None) -> str:
    identity = {name: getattr(partner, name) or "" for name in ("name", "from_address", "reply_to")}
    return render_template(
        "petitions/partners/show.html", partner=partner, members=editing.list_members(partner),
        form=identity if form is None else identity | form, errors=errors,
    )  # fmt: skip


@blueprint.get("/<int:partner_id>")
def show(partner_id: int) -> str:
    """Show an organisation: its name, the addresses of its mailings, its members."""
    return _render(editing.find_partner(partner_id), {})


@blueprint.post("/<int:partner_id>")
def save(partner_id: int) -> Any:
    """Change its name and addresses."""
    return _change(partner_id, lambda partner: editing.edit_partner(partner, _read_form()), _("Saved."))


@blueprint.post("/<int:partner_id>/members")
def add_member(partner_id: int) -> Any:
    """Let somebody act for it; who has no account is invited."""
    address = request.form.get("address", "")
    message = _("Added. Who had no account gets an invitation by email.")
    return _change(partner_id, lambda partner: editing.add_member(partner, address, current_language()), message)


@blueprint.post("/<int:partner_id>/members/<int:account_id>/remove")
def remove_member(partner_id: int, account_id: int) -> Any:
    """End that somebody acts for it."""
    message = _("Removed: what the organisation shares is closed to this account from now on.")
    return _change(partner_id, lambda partner: editing.remove_member(partner, account_id), message)


def _change(partner_id: int, change: Callable[[Partner], Any], message: str) -> Response | tuple[str, int]:
    partner = editing.find_partner(partner_id, lock=True)
    try:
        change(partner)
    except DomainError as error:
        db.session.rollback()
        return _render(editing.find_partner(partner_id), error.errors, _read_form()), 422
    db.session.commit()
    flash(message, "success")
    return redirect(url_for("partners.show", partner_id=partner_id), 303)
