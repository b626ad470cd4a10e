"""A draft as it will be: page, form and emails, for the team; and the link with which colleagues see it for a week."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.core.web.assets import public_url_for
from petition.petitions.models import Petition, PetitionState
from petition.petitions.views.desk import get_or_404
from petition.signatures.emails import KINDS
from petition.signatures.labels import email_kind_labels
from petition.signatures.links import DRAFT_LINK, DRAFT_LINK_TTL
from petition.signatures.views.draft_frames import build_email, read_choices, render_frame
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("draft_preview", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/<slug>/preview")
def show(slug: str) -> str:
    """Show the page or an email in a language, in the width of a computer or a phone."""
    petition = get_or_404(slug)
    return _render(petition, link=None)


@blueprint.post("/<slug>/preview/link")
def share(slug: str) -> str | Response:
    """Make a link for colleagues without an account, which works for a week."""
    petition = get_or_404(slug)
    audit.record("petition.shared", "petition", petition.slug)
    db.session.commit()
    token = tokens.make(DRAFT_LINK, petition.id, petition.draft_link_generation)
    if petition.state_now != PetitionState.DRAFT:
        flash(_("It is public already: share its address."), "info")
        return redirect(url_for("draft_preview.show", slug=slug), 303)
    return _render(petition, link=public_url_for("shared_draft.show", token=token))


@blueprint.post("/<slug>/preview/revoke")
def revoke(slug: str) -> Response:
    """Void every link to the draft that was made so far."""
    petition = get_or_404(slug, lock=True)
    petition.draft_link_generation += 1
    audit.record("petition.unshared", "petition", petition.slug)
    db.session.commit()
    flash(_("The links to this draft no longer work."), "success")
    return redirect(url_for("draft_preview.show", slug=slug), 303)


def _render(petition: Petition, link: str | None) -> str:
    language, what, width = read_choices(petition)
    return render_template(
        "signatures/draft_preview/preview.html",
        petition=petition,
        language=language,
        what=what,
        width=width,
        kinds=email_kind_labels(),
        subject=build_email(petition, what, language).subject if what in KINDS else None,
        draft_languages={code: LANGUAGES[code] for code in petition.texts},
        link=link,
        days=DRAFT_LINK_TTL.days,
    )


@blueprint.get("/<slug>/preview/<what>")
def frame(slug: str, what: str) -> Response:
    """Show the page or the email alone, for the frame. `?lang=` says in which language."""
    return render_frame(get_or_404(slug), what)
