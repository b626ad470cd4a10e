"""Pages of a petition's partners: who they are, what each may do, the wording of its checkbox, and its counts."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.i18n import LANGUAGES
from petition.petitions.models import Petition
from petition.petitions.partners import counts, editing
from petition.petitions.partners.labels import partner_role_descriptions, partner_role_labels
from petition.petitions.partners.models import Partnership
from petition.petitions.sharing.channels import shared_address
from petition.petitions.views.desk import get_or_404
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("partnerships", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)
blueprint.add_app_template_global(partner_role_labels)
blueprint.add_app_template_global(partner_role_descriptions)
blueprint.add_app_template_global(shared_address)


def read_wordings() -> dict[str, str]:
    """Return the submitted words of a partner's box, by language."""
    return {code: request.form.get(f"wording_{code}", "").replace("\0", "") for code in LANGUAGES}


def _render(petition: Petition, errors: dict[str, str], wrong: int | None = None) -> str:
    """Render the page; `wrong`: the partnership whose form has the errors, 0 for that of a new one."""
    rows = editing.list_partnerships(petition)
    current = [row for row in rows if row.left_at is None]
    taken = {row.partner_id for row in current}
    return render_template(
        "petitions/partnerships/index.html", petition=petition, current=current,
        past=[row for row in rows if row.left_at is not None], counted=counts.count_signatures(current),
        others=[partner for partner in editing.list_partners() if partner.id not in taken],
        all_languages=LANGUAGES, errors=errors, wrong=wrong, submitted=request.form if errors else {},
    )  # fmt: skip


@blueprint.get("/<slug>/partners")
def index(slug: str) -> str:
    """List the partners of a petition, with their counts."""
    return _render(get_or_404(slug), {})


@blueprint.post("/<slug>/partners")
def join(slug: str) -> Any:
    """Make an organisation a partner."""
    number = request.form.get("partner", "")

    def change(petition: Petition) -> None:
        partner = editing.find_partner(int(number) if number.isascii() and number.isdigit() else 0)
        editing.join(petition, partner, request.form.get("role", ""))

    return _change(slug, change, _("It is a partner now. Its box is on the form."), 0)


@blueprint.post("/<slug>/partners/<int:partnership_id>")
def save(slug: str, partnership_id: int) -> Any:
    """Change what a partner may do, and the wording of its checkbox."""

    def change(petition: Petition) -> None:
        partnership = editing.find_partnership(petition, partnership_id)
        editing.set_role(petition, partnership, request.form.get("role", ""))
        editing.set_wording(petition, partnership, read_wordings())

    return _change(slug, change, _("Saved."), partnership_id)


@blueprint.post("/<slug>/partners/<int:partnership_id>/leave")
def leave(slug: str, partnership_id: int) -> Any:
    """End a partnership."""

    def change(petition: Petition) -> None:
        partnership: Partnership = editing.find_partnership(petition, partnership_id)
        editing.leave(petition, partnership)

    return _change(slug, change, _("It is no partner any more: this petition is closed to its members."), 0)


def _change(slug: str, change: Callable[[Petition], None], message: str, wrong: int) -> Any:
    try:
        change(get_or_404(slug, lock=True))
    except DomainError as error:
        db.session.rollback()
        if not error.errors or set(error.errors) & {"slug", "partnership"}:
            raise
        return _render(get_or_404(slug), error.errors, wrong), 422
    db.session.commit()
    flash(message, "success")
    return redirect(url_for("partnerships.index", slug=slug), 303)
