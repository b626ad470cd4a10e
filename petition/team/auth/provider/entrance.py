"""Sign in who comes back from the provider; asks for the account's second factor, unless the provider saw one."""

import time
from typing import Any

from flask import current_app, redirect, session
from flask_security import login_user
from werkzeug import Response

from petition.team.auth.provider import claims as read
from petition.team.auth.provider import members
from petition.team.auth.provider.members import Entry
from petition.team.models import Account

ENTRY = "provider_entry"  # keys of the session
SIGNED_IN_BY_PROVIDER = "by_provider"
ASK_AGAIN = "provider_asks_again"
ENTRY_TTL_SECONDS = 600


def enter(account: Account, entry: Entry, claims: dict[str, Any], next_url: str) -> Response:
    """Sign an account in, or lead to its second factor first.

    None is asked where the provider saw two, except to link an account that has one of its own: an address alone opens
    no such account.
    """
    session[ENTRY] = {**entry.to_dict(), "begun_at": int(time.time())}
    two_factors = current_app.config["PETITION_OIDC_TRUST_SECOND_FACTOR"] or read.says_two_factors(claims)
    if not two_factors or (account.has_second_factor and not entry.is_linked):
        plugins = current_app.extensions["security"].two_factor_plugins
        answer: Response | None = plugins.tf_enter(account, False, "provider", next_url)
        if answer is not None:
            return answer
    login_user(account, authn_via=["provider"])
    confirm_fresh(claims)
    return redirect(next_url, 303)


def confirm_fresh(claims: dict[str, Any]) -> None:
    """Count the moment at which the provider asked who it is as the one at which the account was signed in to."""
    session["fs_paa"] = min(read.read_time(claims), int(time.time()))


def complete(account: Account) -> bool:
    """Link the account that is signed in to, if it came from the provider; return whether it did. Flushes."""
    kept = session.pop(ENTRY, None)
    session.pop(SIGNED_IN_BY_PROVIDER, None)
    if not kept or kept.pop("begun_at") < time.time() - ENTRY_TTL_SECONDS or kept["account_id"] != account.id:
        return False
    members.admit(account, Entry(**kept), current_app.config["PETITION_OIDC_ISSUER"])
    session[SIGNED_IN_BY_PROVIDER] = True
    return True


def leave() -> bool:
    """Return whether who signs out came from the provider, and have it ask them again next time in this browser."""
    if not session.pop(SIGNED_IN_BY_PROVIDER, False):
        return False
    session[ASK_AGAIN] = True
    return True
