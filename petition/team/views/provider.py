"""Sign in by the team's own provider: leave for it, and come back. Each step is a POST, as GET changes nothing."""

from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask_security.utils import validate_redirect_url
from werkzeug import Response

from petition.core.db import db
from petition.core.i18n import current_language
from petition.safeguards.rate_limits import rate_limited
from petition.team.auth.provider import claims as read
from petition.team.auth.provider import entrance, members
from petition.team.auth.provider.problems import NotFresh, ProviderProblem
from petition.team.auth.view_checks import NETWORK_RATE_LIMITS
from petition.team.models import Account
from petition.team.permissions import csrf, current_account

ACCESS = "public"  # who comes is not signed in yet
CLOCK_LEEWAY_SECONDS = 60
blueprint = Blueprint("provider", __name__, url_prefix="/account/provider")
limit_network = rate_limited("provider", NETWORK_RATE_LIMITS)


@blueprint.before_request
def _check_request() -> None:
    if request.method == "POST":
        csrf.protect()
    if not current_app.config["PETITION_OIDC_ISSUER"]:
        abort(404)


def provider_label() -> str | None:
    """Return what the provider is called; None without one."""
    config = current_app.config
    return config["PETITION_OIDC_LABEL"] or urlsplit(config["PETITION_OIDC_ISSUER"] or "").hostname


@blueprint.post("/start")
@limit_network
def start() -> str | Response:
    """Lead to the provider: to sign in, or, signed in, to show once more who it is.

    By a page, as browsers apply `form-action` to the redirects that follow a form.
    """
    from petition.team.auth.provider import client  # noqa: PLC0415 - only where there is a provider

    account = current_account()
    next_url = _local(request.args.get("next", ""), "profile.account" if account else "desk.home")
    try:
        url = client.begin(
            next_url, account_id=account.id if account else None, ask_again=session.pop(entrance.ASK_AGAIN, False)
        )
    except ProviderProblem as problem:
        return _refuse(problem, next_url)
    return render_template("team/provider/leave.html", url=url, label=provider_label())


def _local(url: str, default: str) -> str:
    """Return a path of this site; the default page's for anything else."""
    is_local = url.startswith("/") and "\\" not in url and validate_redirect_url(url)
    return url if is_local else url_for(default)


@blueprint.get("/callback")
def callback_page() -> str | Response:
    """Show who comes back a button that a script presses. Changes nothing."""
    fields = {name: request.args.get(name, "") for name in ("code", "state", "error", "iss")}
    return render_template("team/provider/callback.html", fields=fields, label=provider_label())


@blueprint.post("/callback")
@limit_network
def callback() -> Response:
    """Sign in who comes back from the provider, or count them as having shown who they are."""
    from petition.team.auth.provider import client  # noqa: PLC0415 - only where there is a provider

    form, next_url = request.form, url_for("desk.home")
    try:
        answer = client.finish(form.get("state", ""), error=form.get("error", ""), issuer=form.get("iss", ""))
        next_url = answer.state["next"]
        account = current_account()
        if account or answer.state["account_id"]:
            return _confirm(account, answer.claims, answer.state)
        entry = members.find_entry(answer.claims, current_app.config, current_language())
        found = db.session.get(Account, entry.account_id)
        assert found is not None
        response = entrance.enter(found, entry, answer.claims, next_url)
        db.session.commit()
        return response
    except ProviderProblem as problem:
        db.session.rollback()
        return _refuse(problem, next_url)


@blueprint.app_errorhandler(ProviderProblem)
def refuse_late(problem: ProviderProblem) -> Response:
    """Lead back from the page of the second factor, where the account has become another's meanwhile."""
    db.session.rollback()
    session.pop("_user_id", None)
    flash(problem.message(provider_label() or ""), "danger")
    return redirect(url_for("security.login"), 303)


def _confirm(account: Account | None, claims: dict[str, object], state: dict[str, object]) -> Response:
    """Count who is signed in as having just shown who they are, if the provider asked them. Raises `NotFresh`."""
    begun_at = state["begun_at"]
    assert isinstance(begun_at, int)
    identity = members.find_identity(account, current_app.config["PETITION_OIDC_ISSUER"]) if account else None
    same = account is not None and account.id == state["account_id"] and identity is not None
    if not same or identity is None or identity.subject != read.read_subject(claims):
        raise NotFresh
    if read.read_time(claims) < begun_at - CLOCK_LEEWAY_SECONDS:
        raise NotFresh
    entrance.confirm_fresh(claims)
    return redirect(str(state["next"]), 303)


def _refuse(problem: ProviderProblem, next_url: str) -> Response:
    """Lead back to the page with the other ways in, which says what happened."""
    flash(problem.message(provider_label() or ""), "danger")
    return redirect(url_for("security.verify" if current_account() else "security.login", next=next_url), 303)
