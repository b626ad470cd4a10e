"""The page of one's own account, and where it is signed in."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.team import audit, sessions, unsaved_forms
from petition.team.accounts import update_profile
from petition.team.alert_kinds import alert_labels, list_kinds
from petition.team.auth.provider.members import find_identity
from petition.team.models import Account
from petition.team.permissions import current_account, current_session, require_roles

ACCESS = "team"
blueprint = Blueprint("profile", __name__, url_prefix="/account")
require_roles(blueprint)


@blueprint.get("/")
def account() -> str:
    """Show the account and its sign-in methods."""
    return _render(errors={})


@blueprint.post("/")
def save() -> Response | tuple[str, int]:
    """Change name and language."""
    account = _own_account()
    try:
        update_profile(account, request.form.get("name", ""), request.form.get("language", ""))
    except ValidationError as error:
        return _render(error.errors), 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("profile.account"), 303)


@blueprint.post("/alerts")
def save_alerts() -> Response:
    """Choose which alerts come by email."""
    account, wanted = _own_account(), request.form.getlist("alert")
    account.alerts_off = [kind.value for kind in list_kinds(account) if kind not in wanted]
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("profile.account"), 303)


@blueprint.post("/unsaved/discard")
def discard_unsaved() -> Response:
    """Forget what was typed into a form of the desk, and show it as it was saved."""
    form = request.form.get("form", "")
    if not unsaved_forms.FORMS.fullmatch(form):
        raise NotFound
    unsaved_forms.discard(_own_account(), form)
    db.session.commit()
    return redirect(form, 303)


@blueprint.post("/sessions/<int:session_id>/end")
def end_session(session_id: int) -> Response:
    """End one of one's own sessions."""
    account = _own_account()
    if not sessions.revoke(account, session_id):
        raise NotFound
    audit.record("session.ended", "account", account.id)
    db.session.commit()
    flash(_("Signed out there."), "success")
    return redirect(url_for("profile.account"), 303)


@blueprint.post("/sessions/end-all")
def end_all_sessions() -> Response:
    """End all of one's own sessions, this one too."""
    account = _own_account()
    sessions.revoke_all(account)
    audit.record("sessions.ended", "account", account.id)
    db.session.commit()
    flash(_("You are signed out everywhere."), "success")
    return redirect(url_for("security.login"), 303)


def _own_account() -> Account:
    account = current_account()
    assert account is not None
    return account


def _render(errors: dict[str, str]) -> str:
    account = _own_account()
    return render_template(
        "team/profile/index.html", account=account, email_languages=LANGUAGES, errors=errors,
        sessions=sessions.list_live(account), here=current_session(), alert_labels=alert_labels(),
        alert_kinds=list_kinds(account), identity=find_identity(account, current_app.config["PETITION_OIDC_ISSUER"]),
    )  # fmt: skip
