"""Tokens of the API at the desk: list, make, show once, revoke."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions import queries as petition_queries
from petition.petitions.partners.access import is_outsider, list_own
from petition.team.api_tokens import tokens
from petition.team.api_tokens.scopes import SCOPES, list_grantable, scope_descriptions
from petition.team.models import Account, TeamRole
from petition.team.permissions import check_fresh, current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("api_tokens", __name__, url_prefix="/desk/tokens")
require_roles(blueprint)


@blueprint.get("/")
def index() -> str:
    """List one's tokens, all for an admin."""
    account, names = _own_account(), _petition_slugs()
    visible = tokens.list_visible(account)
    return render_template(
        "integrations/tokens/index.html",
        live=[token for token in visible if tokens.is_live(token)],
        ended=[(token, tokens.end_moment(token)) for token in visible if not tokens.is_live(token)],
        slugs=names, sees_all=TeamRole.ADMIN in account.role_names, grantable=_list_grantable(),
    )  # fmt: skip


@blueprint.get("/new")
def new() -> Response | str:
    """Show the form that makes a token, to somebody who gave their password lately."""
    return check_fresh(url_for("api_tokens.new")) or _render_form({}, {})


@blueprint.post("/")
def create() -> Response | tuple[str, int]:
    """Make a token and show it, this once."""
    asked = check_fresh(url_for("api_tokens.new"))
    if asked:
        return asked
    form: dict[str, Any] = {**request.form.to_dict(), "scopes": request.form.getlist("scope")}
    try:
        token, secret = tokens.create(
            _own_account(), form.get("name", ""), form["scopes"], *_parse(form.get("petition"), form.get("lifetime"))
        )
    except ValidationError as error:
        db.session.rollback()
        return _render_form(form, error.errors), 422
    db.session.commit()
    response = make_response(render_template("integrations/tokens/created.html", token=token, secret=secret))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/<int:token_id>/revoke")
def revoke(token_id: int) -> Response:
    """End a token at once."""
    token = tokens.revoke(_own_account(), token_id)
    db.session.commit()
    flash(_("The token “%(name)s” no longer works.", name=token.name), "success")
    return redirect(url_for("api_tokens.index"), 303)


def _parse(slug: str | None, lifetime: str | None) -> tuple[int | None, int | None]:
    """Return the petition and the lifetime that a form chose. Raises `ValidationError`."""
    if lifetime not in ("never", *map(str, tokens.LIFETIMES_DAYS)):
        raise ValidationError({"lifetime": _("Choose one of the list.")})
    slugs = {name: number for number, name in _petition_slugs().items()}
    if (slug or is_outsider(_own_account())) and slug not in slugs:
        raise ValidationError({"petition": _("Choose one of the list.")})
    return slugs[slug] if slug else None, None if lifetime == "never" else int(lifetime)


def _petition_slugs() -> dict[int, str]:
    """Return the petitions that the account may choose from: all, or those that its partners share."""
    account, found = _own_account(), petition_queries.list_all()
    own = {row.petition_id for row in list_own(account)} if is_outsider(account) else None
    return {petition.id: petition.slug for petition in found if own is None or petition.id in own}


def _list_grantable() -> list[str]:
    """Return the scopes that the account may give to a token, of a partner's member: for some petition."""
    account = _own_account()
    if not is_outsider(account):
        return list_grantable(account)
    allowed = {scope for petition_id in _petition_slugs() for scope in list_grantable(account, petition_id)}
    return [scope for scope in SCOPES if scope in allowed]


def _own_account() -> Account:
    account = current_account()
    assert account is not None
    return account


def _render_form(form: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "integrations/tokens/new.html", form=form, errors=errors, slugs=_petition_slugs().values(),
        grantable=_list_grantable(), is_outsider=is_outsider(_own_account()), descriptions=scope_descriptions(),
        lifetimes=tokens.LIFETIMES_DAYS,
    )  # fmt: skip
