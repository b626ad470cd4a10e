"""The overview of a campaign: what it has, what is missing, and the ways to its other pages."""

from typing import Any

from flask import Blueprint, render_template
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.desk import home
from petition.mailings.models import Mailing
from petition.mailings.partner_senders import restrict
from petition.petitions.counters import get_count
from petition.petitions.editing import edit_form
from petition.petitions.legal.imprint import find_public_notice
from petition.petitions.models import PetitionState
from petition.petitions.partners.models import PartnerRole
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_MAILINGS = 5
MAX_EVENTS = 6
blueprint = Blueprint("desk_campaign", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, partners={"overview": PartnerRole.VIEWER})


def _find_notice(petition_id: int) -> str:
    """Return which legal notice stands for a petition: `own`, `site`, or none."""
    notice = find_public_notice(petition_id)
    return "" if notice is None else "site" if notice.is_of_site else "own"


@blueprint.get("/<slug>")
def overview(slug: str) -> str:
    """Show a campaign's state, totals, latest mailings and latest changes."""
    petition = get_or_404(slug)
    count = get_count(petition)
    mailings: Any = Mailing.segment["petitions"]
    latest = select(Mailing).where(mailings.contains([petition.id])).order_by(Mailing.id.desc()).limit(MAX_MAILINGS)
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    latest = restrict(latest, account)
    return render_template(
        "desk/overview.html",
        petition=petition,
        count=count,
        missing=edit_form.find_missing(petition) if petition.state_now == PetitionState.DRAFT else [],
        all_languages=LANGUAGES,
        notice=_find_notice(petition.id),
        totals=home.sum_totals([petition], {petition.id: count}),
        mailings=list(db.session.scalars(latest)),
        events=audit.list_by_subject("petition", petition.slug, limit=MAX_EVENTS),
    )
