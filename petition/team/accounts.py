"""Invite people to the team, let them in by a link, change what they may do, shut them out."""

import secrets
from collections.abc import Collection
from datetime import timedelta

from flask import current_app
from flask_security import hash_password
from sqlalchemy import func, select

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.team import audit
from petition.team.models import TEAM_ROLES, Account, TeamRole

TEAM_INVITATION = "team_invitation"
TEAM_PASSWORD = "team_password"  # noqa: S105 - the name of an email
LINK_TTL = timedelta(days=7)
MIN_PASSWORD_CHARACTERS = 12  # characters of a password; NIST SP 800-63B asks for length, and for no mixture
MAX_PASSWORD_CHARACTERS = 200
FIRST_ADMIN_ID = 0  # the account number in the link of the first admin, who has no account yet


def list_all() -> list[Account]:
    """Return all accounts, by address."""
    return list(db.session.scalars(select(Account).order_by(Account.email)))


def find_by_email(address: str, *, lock: bool = False) -> Account:
    """Return the account of an address, in any case. Raises `Gone`."""
    query = select(Account).where(func.lower(Account.email) == address.strip().lower())
    found = db.session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound({"address": f"no account has the address {address}: see `petition team list`"})
    return found


def invite(
    address: str, roles: Collection[str], name: str = "", language: str = "fr", actor: str | None = None
) -> Account:
    """Make an account that waits for its owner, and owe them the link; again for who has not come in yet.

    Flushes, does not commit. Raises `Refusal` for an address, role or language that cannot be, or a member's address.
    """
    try:
        email = parse_email_address(address).typed.lower()
    except BadAddress as error:
        raise ValidationError({"address": str(error)}) from None
    _reject_unknown(roles, language)
    account = db.session.scalar(select(Account).where(func.lower(Account.email) == email).with_for_update())
    if account and account.password:
        raise ValidationError({"address": f"{email} belongs to the team already: change the roles instead"})
    if account is None:
        account = Account(email=email, name=name.strip()[:120], language=language, role_names=sorted(roles))
        db.session.add(account)
    account.role_names, account.language, account.active = sorted(roles), language, True
    _enqueue_link(account, TEAM_INVITATION)
    audit.record("invited", "account", account.id, after={"roles": account.role_names}, actor=actor)
    return account


def _reject_unknown(roles: Collection[str], language: str) -> None:
    unknown = sorted(set(roles) - set(TEAM_ROLES))
    if unknown or not roles:
        raise ValidationError({"roles": f"{', '.join(unknown) or 'no role'}: choose among {', '.join(TEAM_ROLES)}"})
    if language not in LANGUAGES:
        raise ValidationError({"language": f"{language}: choose among {', '.join(LANGUAGES)}"})


def _enqueue_link(account: Account, kind: str) -> None:
    account.link_generation = (account.link_generation or 0) + 1
    db.session.flush()
    enqueue(
        kind, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=account.id, generation=account.link_generation)]
    )


def request_link(address: str) -> None:
    """Owe a link to whoever has an account with this address; says nothing of whether anyone has. Flushes."""
    account = db.session.scalar(
        select(Account).where(func.lower(Account.email) == address.strip().lower(), Account.active).with_for_update()
    )
    if account:
        _enqueue_link(account, TEAM_PASSWORD if account.password else TEAM_INVITATION)
        audit.record("link.asked", "account", account.id, actor=account.email)


def invitation_url(account: Account) -> str:
    """Return the address that lets the owner of an account choose a password, once."""
    token = tokens.make(TEAM_INVITATION, account.id, account.link_generation)
    return _link_url(token)


def first_admin_url() -> str | None:
    """Return the link that makes the first admin; None once there is any account."""
    if db.session.scalar(select(Account.id).limit(1)) is not None:
        return None
    return _link_url(tokens.make(TEAM_INVITATION, FIRST_ADMIN_ID, secrets.randbits(32)))


def _link_url(token: str) -> str:
    return f"{current_app.config['PUBLIC_URL']}/account/welcome/{token}"


def find_by_link(token: str) -> Account | None:
    """Return the account that a link lets in, None for the link of the first admin. Raises `Gone` once it is used."""
    void = NotFound({"token": "void"})
    try:
        account_id, generation = tokens.read(TEAM_INVITATION, token, LINK_TTL)
    except (tokens.BadToken, tokens.ExpiredToken, ValueError):
        raise void from None
    if account_id == FIRST_ADMIN_ID:
        if first_admin_url() is None:
            raise void
        return None
    account = db.session.get(Account, account_id, with_for_update=True)
    if account is None or not account.active or account.link_generation != generation:
        raise void
    return account


def accept_invitation(
    account: Account | None, password: str, name: str, address: str = "", language: str = "fr"
) -> Account:
    """Let a person in by their link: name and password are set, the link is used up, other sessions end.

    Without an account, the first admin is made. Flushes, does not commit. Raises `Refusal` by field.
    """
    errors = _validation_errors(password, name)
    if account is None:
        # Two who hold the first link at once: the table is theirs one after the other.
        db.session.execute(select(func.pg_advisory_xact_lock(7_226_103)))
        if first_admin_url() is None:
            raise NotFound({"token": "void"})
        try:
            email = parse_email_address(address).typed.lower()
        except BadAddress as error:
            raise ValidationError(errors | {"address": str(error)}) from None
        account = Account(email=email, language=language, role_names=[TeamRole.ADMIN], link_generation=0)
    if errors:
        raise ValidationError(errors)
    account.name, account.password = name.strip(), hash_password(password)
    account.fs_uniquifier = secrets.token_hex(16)
    account.link_generation += 1
    db.session.add(account)
    db.session.flush()
    audit.record("accepted", "account", account.id, after={"roles": account.role_names}, actor=account.email)
    return account


def _validation_errors(password: str, name: str) -> dict[str, str]:
    errors = {}
    if not 1 <= len(name.strip()) <= 120:
        errors["name"] = "name"
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        errors["password"] = "password"  # noqa: S105 - the name of a field
    return errors


def set_roles(account: Account, roles: Collection[str], actor: str | None = None) -> None:
    """Change what an account may do, from its next request on. Flushes. Raises `Refusal` for the last admin."""
    _reject_unknown(roles, account.language)
    before = list(account.role_names)
    if TeamRole.ADMIN in before and TeamRole.ADMIN not in roles:
        _require_another_admin(account)
    account.role_names = sorted(roles)
    db.session.flush()
    audit.record(
        "roles.changed", "account", account.id, before={"roles": before}, after={"roles": sorted(roles)}, actor=actor
    )


def set_active(account: Account, active: bool, actor: str | None = None) -> None:
    """Shut an account out, or let it in again, from its next request on.

    Flushes. Raises `Refusal` for the last admin.
    """
    if account.active == active:
        return
    if not active and TeamRole.ADMIN in account.role_names:
        _require_another_admin(account)
    account.active = active
    account.link_generation += 1
    db.session.flush()
    audit.record("enabled" if active else "disabled", "account", account.id, actor=actor)


def _require_another_admin(account: Account) -> None:
    others = select(Account.id).where(
        Account.id != account.id,
        Account.active,
        Account.password.is_not(None),
        Account.role_names.contains([TeamRole.ADMIN]),
    )
    if db.session.scalars(others.with_for_update()).first() is None:
        raise ValidationError({"roles": f"{account.email} is the last admin: make another one first"})
