"""The team's pages of the legal notice: that of the site, and that of a petition where it differs."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.optimistic_lock import EditConflict
from petition.petitions.legal import imprint
from petition.petitions.legal.models import WHOLE_SITE
from petition.petitions.legal.suggestions import suggest_texts
from petition.petitions.models import Petition
from petition.petitions.views.desk import get_or_404
from petition.team import audit, unsaved_forms
from petition.team.models import Account, TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_FORM_BYTES = 600_000 * len(LANGUAGES)  # two texts of 30,000 characters in each, each up to nine bytes in a form
blueprint = Blueprint("desk_legal", __name__, url_prefix="/desk")
require_roles(
    blueprint, TeamRole.CAMPAIGNER, max_body_bytes=dict.fromkeys(("save_site", "save_petition"), MAX_FORM_BYTES)
)
blueprint.add_app_template_global(imprint.is_missing, "legal_notice_missing")


def _signed_in() -> Account:
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return account


def _render(
    petition: Petition | None, values: Mapping[str, str], version: int | str, status: int = 200, **more: Any
) -> Response:
    body = render_template(
        "petitions/desk_legal/edit.html",
        petition=petition,
        values=values,
        version=version,
        most=imprint.MAX_CHARACTERS,
        all_languages=LANGUAGES,
        **{"errors": {}, "unsaved": None, "stale": False, **more},
    )
    return make_response(body, status)


def _show(petition: Petition | None) -> Response:
    number = petition.id if petition else WHOLE_SITE
    notice = imprint.find_notice(number)
    if unsaved := unsaved_forms.find(_signed_in(), request.path):
        fields = unsaved_forms.read_fields(unsaved)
        return _render(petition, imprint.read_values(fields), fields.get("version", ""), unsaved=unsaved)
    if notice:
        return _render(petition, imprint.values_from_notice(notice), notice.version, exists=True)
    of_site = imprint.find_notice(WHOLE_SITE) if petition else None
    start = imprint.values_from_notice(of_site) if of_site else imprint.read_values(suggest_texts())
    return _render(petition, start, "", from_site=of_site is not None)


def _save(petition: Petition | None) -> Response:
    number = petition.id if petition else WHOLE_SITE
    values, version = imprint.read_values(request.form), request.form.get("version", "")
    try:
        imprint.save(number, values, version)
    except EditConflict:
        db.session.rollback()
        latest = imprint.find_notice(number)
        return _render(petition, values, latest.version if latest else "", 409, stale=True)
    except ValidationError as error:
        db.session.rollback()
        return _render(petition, values, version, 422, errors=error.errors)
    if petition:
        audit.record("legal.written", "petition", petition.slug)
    else:
        audit.record("legal.site_written", "site")
    unsaved_forms.discard(_signed_in(), request.path)
    db.session.commit()
    flash(_("Saved. It is on the public pages."), "success")
    if petition:
        return redirect(url_for("desk_campaign.overview", slug=petition.slug), 303)
    return redirect(url_for("desk_legal.site"), 303)


@blueprint.get("/legal")
def site() -> Response:
    """Show the notice that stands for every petition without one of its own."""
    return _show(None)


@blueprint.post("/legal")
def save_site() -> Response:
    """Write the notice of the site."""
    return _save(None)


@blueprint.get("/petitions/<slug>/legal")
def petition(slug: str) -> Response:
    """Show the notice of a petition, or what it would start from."""
    return _show(get_or_404(slug))


@blueprint.post("/petitions/<slug>/legal")
def save_petition(slug: str) -> Response:
    """Write the notice of a petition."""
    return _save(get_or_404(slug))


@blueprint.post("/petitions/<slug>/legal/remove")
def remove(slug: str) -> Response:
    """Delete the notice of a petition: that of the site stands for it, where there is one."""
    found = get_or_404(slug)
    notice = imprint.find_notice(found.id, lock=True)
    if notice and (imprint.find_notice(WHOLE_SITE) or not imprint.is_required()):
        db.session.delete(notice)
        audit.record("legal.removed", "petition", found.slug)
        flash(_("Deleted: the site’s notice stands for this petition."), "success")
    elif notice:
        flash(_("Write the notice of the site first: a public petition needs one."), "danger")
    db.session.commit()
    return redirect(url_for("desk_legal.petition", slug=slug), 303)
