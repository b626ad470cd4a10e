"""Make, find and end tokens of the API. Functions flush and do not commit, where they do not say so."""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import NotFound, ValidationError
from petition.team import audit, queries
from petition.team.api_tokens.models import ApiToken
from petition.team.api_tokens.scopes import ROLES_BY_SCOPE, list_grantable
from petition.team.models import Account, TeamRole
from petition.team.permissions import list_partner_grants

PREFIX = "petition_"  # by which people, and programs that look for leaked secrets, know one
SECRET_BYTES = 32
TOKENS = re.compile(rf"{PREFIX}[\w-]{{43}}", re.ASCII)
CHARACTERS_SHOWN = len(PREFIX) + 3
MAX_NAME_CHARACTERS = 80
MAX_LIVE_TOKENS = 50  # of an account
LIFETIMES_DAYS = (30, 90, 365)  # offered at the desk, beside one that does not expire
TOUCH_INTERVAL = timedelta(minutes=1)  # how exact `last_used_at` is
RETENTION_AFTER_END = timedelta(days=365)


def create(
    account: Account, name: str, scopes: Collection[str], petition_id: int | None, lifetime_days: int | None
) -> tuple[ApiToken, str]:
    """Make a token of an account and return it with its secret, which is stored nowhere. Raises `ValidationError`."""
    errors = {}
    clean = " ".join(name.replace("\0", " ").split())
    if not 1 <= len(clean) <= MAX_NAME_CHARACTERS:
        errors["name"] = _("Please enter a name of at most %(max)s characters.", max=MAX_NAME_CHARACTERS)
    if not scopes or not set(scopes) <= set(list_grantable(account, petition_id)):
        errors["scopes"] = _("Please choose what the token may do: no more than you may do there yourself.")
    if lifetime_days is not None and lifetime_days not in LIFETIMES_DAYS:
        errors["lifetime"] = _("Choose one of the list.")
    if not errors and len(list_live(account)) >= MAX_LIVE_TOKENS:
        errors["name"] = _("There are %(max)s tokens already. Revoke one first.", max=MAX_LIVE_TOKENS)
    if errors:
        raise ValidationError(errors)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken(
        account=account,
        name=clean,
        beginning=secret[:CHARACTERS_SHOWN],
        token_hash=hash_secret(secret),
        scopes=sorted(scopes),
        petition_id=petition_id,
        expires_at=clock.now() + timedelta(days=lifetime_days) if lifetime_days else None,
    )
    db.session.add(token)
    db.session.flush()
    audit.record("token.created", "token", token.id, after={"name": clean, "scopes": token.scopes})
    return token, secret


def hash_secret(secret: str) -> str:
    """Return what is stored of a token. It is random: a plain hash cannot be reversed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str) -> ApiToken | None:
    """Return the token with its account, by one query; None if it is unknown, expired, revoked or its account's end."""
    if not TOKENS.fullmatch(secret):
        return None
    query = select(ApiToken).join(ApiToken.account).where(ApiToken.token_hash == hash_secret(secret), Account.active)
    token = db.session.scalar(query)
    return token if token and is_live(token) else None


def is_live(token: ApiToken) -> bool:
    """Say whether a token has neither expired nor been revoked."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > clock.now())


def touch(token: ApiToken) -> None:
    """Note that a token is in use, at most once per `TOUCH_INTERVAL`; commits by itself."""
    now = clock.now()
    if token.last_used_at is None or token.last_used_at < now - TOUCH_INTERVAL:
        values = {"id": token.id, "now": now, "used_before": now - TOUCH_INTERVAL}
        execute_autocommit(queries.TOUCH_TOKEN, values)


def list_visible(account: Account) -> list[ApiToken]:
    """Return the tokens that an account sees, newest first: its own, an admin all; those that ended lately too."""
    query = select(ApiToken).order_by(ApiToken.id.desc()).limit(500)
    if TeamRole.ADMIN not in account.role_names:
        query = query.where(ApiToken.account_id == account.id)
    return list(db.session.scalars(query))


def list_live(account: Account) -> list[ApiToken]:
    """Return an account's tokens that work."""
    query = select(ApiToken).where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
    return [token for token in db.session.scalars(query) if is_live(token)]


def revoke(account: Account, token_id: int) -> ApiToken:
    """End a token at once: one's own, or as an admin anybody's. Raises `NotFound`."""
    token = db.session.get(ApiToken, token_id, with_for_update={"of": ApiToken}, populate_existing=True)
    if token is None or (token.account_id != account.id and TeamRole.ADMIN not in account.role_names):
        raise NotFound
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        db.session.flush()
        audit.record("token.revoked", "token", token.id, after={"name": token.name})
    return token


def revoke_beyond_roles(account: Account, actor: str | None = None) -> None:
    """End the tokens that allow what their account no longer may: a role that comes back does not bring them back."""
    for token in list_live(account):
        if not set(token.scopes) <= set(list_grantable(account, token.petition_id)):
            token.revoked_at = clock.now()
            audit.record("token.revoked", "token", token.id, after={"name": token.name}, actor=actor)


def may_use(token: ApiToken, scope: str, partners: str | None = None) -> bool:
    """Say whether a token has a scope, and its account still has a role for it.

    `partners`: the role in the token's petition that suffices for a partner's member.
    """
    if scope not in token.scopes:
        return False
    if token.account.role_names or token.petition_id is None:
        return token.account.has_any_role(*ROLES_BY_SCOPE[scope])
    return partners is not None and partners in list_partner_grants(token.account, token.petition_id)


def delete_old() -> None:
    """Delete tokens that ended long ago. Does not commit."""
    db.session.execute(queries.DELETE_OLD_TOKENS, {"before": clock.now() - RETENTION_AFTER_END})


def end_moment(token: ApiToken) -> datetime | None:
    """Return since when a token does not work any more; None if it does."""
    if token.revoked_at is not None:
        return token.revoked_at
    return None if is_live(token) else token.expires_at
