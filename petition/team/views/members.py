"""The members of the team: list, invite, change roles, disable and enable. For admins."""

from collections.abc import Callable

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from petition.core.languages.catalogues import list_coverage
from petition.team import accounts, credentials
from petition.team.auth.provider import members as provider_members
from petition.team.labels import list_role_labels
from petition.team.models import Account, TeamRole
from petition.team.permissions import check_fresh, current_account, current_session, require_roles

ACCESS = "admin"
blueprint = Blueprint("members", __name__, url_prefix="/account")
require_roles(blueprint, TeamRole.ADMIN)


@blueprint.get("/people")
def index() -> str:
    """List the members."""
    return _render_list(form={}, errors={})


def _render_list(form: dict[str, object], errors: dict[str, str]) -> str:
    return render_template(
        "team/members/index.html", members=accounts.list_all(), email_languages=LANGUAGES, coverage=list_coverage(),
        form=form, errors=errors,
    )  # fmt: skip


@blueprint.post("/people")
def invite() -> Response | tuple[str, int]:
    """Mail an invitation."""
    address, roles = request.form.get("address", ""), request.form.getlist("role")
    language = request.form.get("language", DEFAULT_LANGUAGE)
    try:
        account = accounts.invite(address, set(roles), request.form.get("name", ""), language)
    except DomainError as error:
        db.session.rollback()
        return _render_list({"address": address, "roles": roles, "language": language}, error.errors), 422
    db.session.commit()
    values = {"address": account.email, "roles": list_role_labels(account.role_names)}
    flash(_("The invitation to %(address)s will be sent in a moment. Roles: %(roles)s.", **values), "success")
    return redirect(url_for("members.index"), 303)


@blueprint.get("/people/<int:account_id>")
def person(account_id: int) -> str:
    """Show a member's roles."""
    return _render_member(account_id, errors={})


def _get(account_id: int, *, lock: bool = False) -> Account:
    account = db.session.get(Account, account_id, with_for_update=lock or None, populate_existing=lock)
    if account is None:
        raise NotFound
    return account


def _render_member(account_id: int, errors: dict[str, str]) -> str:
    member = _get(account_id)
    return render_template(
        "team/members/member.html", member=member, is_own=_is_own(account_id), errors=errors,
        identity=provider_members.find_identity(member, current_app.config["PETITION_OIDC_ISSUER"]),
    )  # fmt: skip


def _is_own(account_id: int) -> bool:
    account = current_account()
    return account is not None and account.id == account_id


@blueprint.post("/people/<int:account_id>")
def change(account_id: int) -> Response | tuple[str, int]:
    """Change a member's roles."""
    here = current_session()
    keep, roles = here.id if here else None, set(request.form.getlist("role"))
    account = _get(account_id)
    done = None
    if account.is_invited and set(account.role_names) != roles:
        done = _("Saved. %(address)s gets the invitation again, with the new roles.", address=account.email)
    return _update(account_id, lambda account: accounts.set_roles(account, roles, keep_session=keep), done)


@blueprint.post("/people/<int:account_id>/disable")
def disable(account_id: int) -> Response | tuple[str, int]:
    """Disable a member's account."""
    return _update(account_id, lambda account: accounts.set_active(account, False))


@blueprint.post("/people/<int:account_id>/enable")
def enable(account_id: int) -> Response | tuple[str, int]:
    """Enable a member's account again."""
    return _update(account_id, lambda account: accounts.set_active(account, True))


@blueprint.post("/people/<int:account_id>/reset-second-factor")
def reset_second_factor(account_id: int) -> Response | tuple[str, int]:
    """Let a member who has lost their second factor set up a new one."""
    asked = check_fresh(url_for("members.person", account_id=account_id))
    if asked:
        return asked
    admin = current_account()
    assert admin is not None
    return _update(account_id, lambda account: credentials.reset_second_factor(account, admin.email, admin.id))


@blueprint.post("/people/<int:account_id>/unlink-provider")
def unlink_provider(account_id: int) -> Response:
    """Forget who a member is at the sign-in provider, so that another account there can be linked."""
    asked = check_fresh(url_for("members.person", account_id=account_id))
    if asked:
        return asked
    admin, here = current_account(), current_session()
    assert admin is not None
    account = _get(account_id, lock=True)
    provider_members.unlink(account, admin.email, keep_session=here.id if here else None)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("members.index"), 303)


def _update(account_id: int, apply: Callable[[Account], None], done: str | None = None) -> Response | tuple[str, int]:
    account = _get(account_id, lock=True)
    try:
        apply(account)
    except DomainError as error:
        db.session.rollback()
        return _render_member(account_id, error.errors), 422
    db.session.commit()
    flash(done or _("Saved."), "success")
    return redirect(url_for("members.index"), 303)
