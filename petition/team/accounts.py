"""Accounts of the team: invite, accept an invitation, change roles, disable and enable.

Functions flush and do not commit. Errors have their messages in the reader's language, by form field.
"""

import secrets
import unicodedata
from collections.abc import Collection
from typing import Literal

from flask_babel import gettext as _
from flask_security import hash_password
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from petition.core.db import db
from petition.core.exceptions import Conflict, InvalidLink, NotFound, ValidationError
from petition.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from petition.core.text import ascii_lower
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.team import audit, credentials, sessions
from petition.team.api_tokens import tokens as api_tokens
from petition.team.links import enqueue_link, first_admin_url
from petition.team.models import TEAM_ROLES, Account, SignInIdentity, TeamRole

MAX_NAME_CHARACTERS = 120
PASSWORD_NORMAL_FORM: Literal["NFKD"] = "NFKD"  # noqa: S105 - of Unicode; Flask-Security's own for passwords
MIN_PASSWORD_CHARACTERS = 12  # NIST SP 800-63B asks for length, and against rules of composition
MAX_PASSWORD_CHARACTERS = 200
FIRST_ADMIN_ADVISORY_LOCK_ID = 7_226_103  # one first admin, however many use the link at once


class AlreadyMember(Conflict):
    """The address of an invitation belongs to a member."""


class LastAdmin(Conflict):
    """The change would leave no active admin."""


def list_all() -> list[Account]:
    """Return all accounts with their passkeys, by address."""
    return list(db.session.scalars(select(Account).options(selectinload(Account.webauthn)).order_by(Account.email)))


def normalize_address(text: str) -> str:
    """Return the one spelling under which an account is created, found, and limited. Raises `BadAddress`.

    One function for all of these, so that whoever can be invited can sign in.
    """
    return ascii_lower(parse_email_address(text).typed)


def normalize_password(password: str) -> str:
    """Return one spelling of a password that keyboards compose in different ways (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize(PASSWORD_NORMAL_FORM, password)


def find_by_email(address: str, *, lock: bool = False) -> Account | None:
    """Return the account of an address, in any case; None without one. `lock`: until the end of the transaction."""
    try:
        email = normalize_address(address)
    except BadAddress:  # an account may be older than a rule for addresses
        email = ascii_lower(address.strip())
    query = select(Account).where(Account.email == email)
    return db.session.scalar(query.with_for_update() if lock else query)


def get_by_email(address: str, *, lock: bool = False) -> Account:
    """Return the account of an address as `find_by_email` does. Raises `NotFound`."""
    account = find_by_email(address, lock=lock)
    if account is None:
        raise NotFound({"address": f"no account has the address {address}: see `petition team list`"})
    return account


def invite(
    address: str,
    roles: Collection[str],
    name: str = "",
    language: str = DEFAULT_LANGUAGE,
    actor: str | None = None,
    *,
    outside: bool = False,
) -> Account:
    """Create an account without a password and enqueue its invitation; repeat an invitation not accepted yet.

    `outside`: of somebody who acts for a partner, and has no role in the team.

    Raises `ValidationError` for an invalid address, role or language, `AlreadyMember`.
    """
    email = _parse_address(address)
    if not outside:
        _validate_roles(roles)
    if language not in LANGUAGES:
        raise ValidationError({"language": f"{language}: choose among {', '.join(LANGUAGES)}"})
    account = find_by_email(email, lock=True)
    if account and (account.password or _has_identity(account)):
        message = _("%(address)s is a member of the team already: change the roles instead.", address=email)
        raise AlreadyMember({"address": message})
    if account is None:
        account = Account(email=email, name=name.strip()[:MAX_NAME_CHARACTERS])
        db.session.add(account)
    account.role_names, account.language, account.active = sorted(roles), language, True
    account.void_links()  # the one before may have been for other roles
    enqueue_link(account)
    audit.record("invited", "account", account.id, after={"roles": account.role_names}, actor=actor)
    return account


def _has_identity(account: Account) -> bool:
    """Return whether an account is signed in to by the sign-in provider."""
    query = select(SignInIdentity.account_id).where(SignInIdentity.account_id == account.id).limit(1)
    return db.session.scalar(query) is not None


def joined() -> ColumnElement[bool]:
    """Return the criterion of accounts whose invitation was accepted, or that the sign-in provider brought."""
    return Account.password.is_not(None) | Account.last_sign_in_at.is_not(None)


def _parse_address(address: str) -> str:
    try:
        email = normalize_address(address)
    except BadAddress:
        raise ValidationError({"address": invalid_address_message()}) from None
    if not email.rpartition("@")[0].isascii():
        # A browser does not submit such an address from a field for addresses (HTML, 4.10.5.1.5).
        message = _("An account needs an address without accents or other special letters before the @.")
        raise ValidationError({"address": message})
    return email


def invalid_address_message() -> str:
    """Return what to say about an address that is none."""
    return _("Please enter a valid email address.")


def _validate_roles(roles: Collection[str]) -> None:
    if not roles:
        raise ValidationError({"roles": _("Please choose at least one role.")})
    unknown = sorted(set(roles) - set(TEAM_ROLES))
    if unknown:
        raise ValidationError({"roles": f"{', '.join(unknown)}: choose among {', '.join(TEAM_ROLES)}"})


def _name_errors(name: str) -> dict[str, str]:
    if 1 <= len(name.strip()) <= MAX_NAME_CHARACTERS:
        return {}
    return {"name": _("Please enter a name of at most %(max)s characters.", max=MAX_NAME_CHARACTERS)}


def password_errors(password: str) -> dict[str, str]:
    """Return what is wrong with a new password, by field; empty if nothing is."""
    bounds = {"min": MIN_PASSWORD_CHARACTERS, "max": MAX_PASSWORD_CHARACTERS}
    if bounds["min"] <= len(password) <= bounds["max"]:
        return {}
    return {"password": _("Please choose a password of %(min)s to %(max)s characters.", **bounds)}


def update_profile(account: Account, name: str, language: str) -> None:
    """Change a member's own name and language. Raises `ValidationError`."""
    errors = _name_errors(name)
    if language not in LANGUAGES:
        errors["language"] = _("Please choose one of the languages.")
    if errors:
        raise ValidationError(errors)
    account.name, account.language = name.strip(), language


def accept_invitation(
    account: Account | None, password: str, name: str, address: str = "", language: str = DEFAULT_LANGUAGE
) -> Account:
    """Set name and password, invalidate the link, and end the account's sessions; without an account, create the admin.

    `account`: as `get_by_link` returned it. Raises `ValidationError` with the errors of all fields, `InvalidLink`.
    """
    errors = _name_errors(name) | password_errors(password)
    if account is None:
        db.session.execute(select(func.pg_advisory_xact_lock(FIRST_ADMIN_ADVISORY_LOCK_ID)))
        if first_admin_url() is None:
            raise InvalidLink
        try:
            email = _parse_address(address)
        except ValidationError as error:
            raise ValidationError(errors | error.errors) from None
        account = Account(email=email, language=language, role_names=[TeamRole.ADMIN])
    if errors:
        raise ValidationError(errors)
    is_new_member = account.password is None
    account.name, account.password = name.strip(), hash_password(normalize_password(password))
    account.fs_uniquifier = secrets.token_hex(16)
    account.void_links()
    db.session.add(account)
    db.session.flush()
    if is_new_member:
        audit.record("accepted", "account", account.id, after={"roles": account.role_names}, actor=account.email)
    else:
        credentials.record_change(account, credentials.PASSWORD_RESET)
    return account


def set_roles(
    account: Account, roles: Collection[str], actor: str | None = None, keep_session: int | None = None
) -> None:
    """Change an account's roles, and end its sessions but one, and tokens that allow more.

    Raises `ValidationError`, `LastAdmin`.

    Who has not accepted the invitation yet gets it again, with the new roles; its link stays the same.
    """
    _validate_roles(roles)
    before = list(account.role_names)
    if TeamRole.ADMIN in before and TeamRole.ADMIN not in roles:
        _require_another_admin(account)
    account.role_names = sorted(roles)
    sessions.revoke_all(account, keep=keep_session)
    api_tokens.revoke_beyond_roles(account, actor)
    if account.is_invited and before != account.role_names:
        enqueue_link(account)
    db.session.flush()
    audit.record(
        "roles.changed", "account", account.id, before={"roles": before}, after={"roles": sorted(roles)}, actor=actor
    )


def set_active(account: Account, active: bool, actor: str | None = None) -> None:
    """Disable or enable an account; its links become invalid, its sessions and tokens end. Raises `LastAdmin`."""
    if account.active == active:
        return
    if not active and TeamRole.ADMIN in account.role_names:
        _require_another_admin(account)
    account.active = active
    account.void_links()
    sessions.revoke_all(account)
    api_tokens.revoke_beyond_roles(account, actor)
    db.session.flush()
    audit.record("enabled" if active else "disabled", "account", account.id, actor=actor)


def _require_another_admin(account: Account) -> None:
    others = select(Account.id).where(
        Account.id != account.id,
        Account.active,
        joined(),
        Account.role_names.contains([TeamRole.ADMIN]),
    )
    if db.session.scalars(others.with_for_update()).first() is None:
        message = _("%(address)s is the last administrator: appoint another one first.", address=account.email)
        raise LastAdmin({"roles": message})
