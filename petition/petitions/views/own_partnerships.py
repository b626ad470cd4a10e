"""What partners share with who is signed in: their petitions, their roles, the counts of their links, their words."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.core.i18n import LANGUAGES
from petition.petitions.counters import get_counts
from petition.petitions.models import Petition
from petition.petitions.partners import access, counts, editing
from petition.petitions.partners.models import GRANTS, PartnerRole, Partnership
from petition.petitions.views.partnerships import read_wordings
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("own_partnerships", __name__, url_prefix="/desk/shared")
require_roles(blueprint)


def open_tabs(petition: Petition) -> set[str] | None:
    """Return the pages of a petition that are open to the account for its partners; None: all, to a campaigner."""
    account = current_account()
    if account is None or account.has_any_role(TeamRole.CAMPAIGNER):
        return None
    return access.list_open(account, petition)


blueprint.add_app_template_global(open_tabs)


def _account() -> Account:
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return account


@blueprint.get("")
def index() -> str:
    """List the petitions that the account's partners share, with its own counts alone."""
    return _render({}, None)


def _render(errors: dict[str, str], wrong: int | None) -> str:
    rows = access.list_own(_account())
    query = select(Petition).where(Petition.id.in_({row.petition_id for row in rows}))
    petitions = {petition.id: petition for petition in db.session.scalars(query)} if rows else {}
    return render_template(
        "petitions/own_partnerships/index.html", rows=rows, petitions=petitions,
        counts=get_counts(list(petitions.values())) if petitions else {},
        counted=counts.count_signatures(rows), owners=GRANTS[PartnerRole.OWNER], senders=GRANTS[PartnerRole.SENDER],
        all_languages=LANGUAGES, errors=errors, wrong=wrong,
    )  # fmt: skip


def _get_own(partnership_id: int) -> tuple[Petition, Partnership]:
    """Return a petition and the partnership that the account is owner in, locked. Raises `NotFound`."""
    for row in access.list_own(_account()):
        if row.id == partnership_id and row.role in GRANTS[PartnerRole.OWNER]:
            query = select(Petition).where(Petition.id == row.petition_id).with_for_update(of=Petition, key_share=True)
            petition = db.session.scalars(query.execution_options(populate_existing=True)).one()
            return petition, editing.find_partnership(petition, partnership_id)
    raise NotFound({"partnership": "not the account's"})


@blueprint.post("/<int:partnership_id>/wording")
def wording(partnership_id: int) -> Any:
    """Change the words of the partner's box."""
    petition, partnership = _get_own(partnership_id)
    try:
        editing.set_wording(petition, partnership, read_wordings())
    except DomainError as error:
        db.session.rollback()
        return _render(error.errors, partnership_id), 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("own_partnerships.index"), 303)


@blueprint.post("/<int:partnership_id>/leave")
def leave(partnership_id: int) -> Any:
    """Leave a petition."""
    petition, partnership = _get_own(partnership_id)
    editing.leave(petition, partnership)
    db.session.commit()
    flash(_("Your organisation is no partner of this petition any more."), "success")
    return redirect(url_for("own_partnerships.index"), 303)
