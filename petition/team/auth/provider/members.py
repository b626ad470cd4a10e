"""Find a person's account by their subject at the provider; link it by a verified address once, or make it by roles.

Functions flush and do not commit. docs/decisions/0066 says what keeps others out of an account.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.team import accounts, audit, credentials
from petition.team.auth.provider import claims as read
from petition.team.auth.provider.problems import (
    AccountDeactivated,
    AddressNotVerified,
    InvalidAnswer,
    LinkedToAnother,
    NoAccount,
    NotAdmitted,
)
from petition.team.models import Account, SignInIdentity

ACTOR = "sign-in provider"  # of what its roles do, in the audit trail
LINK_ADVISORY_LOCK_ID = 7_226_147  # first sign-ins are one after the other


@dataclass(frozen=True)
class Entry:
    """A person at the provider and their account here. `is_linked`: they were signed in by it before."""

    account_id: int
    subject: str
    roles: list[str]  # as the provider's claims say; empty where administrators give them
    is_linked: bool

    def to_dict(self) -> dict[str, Any]:
        """Return a form for the session."""
        return asdict(self)


def find_entry(claims: dict[str, Any], config: Mapping[str, Any], language: str) -> Entry:
    """Return who a person is here. Makes an account where roles are mapped. Raises `ProviderProblem`.

    First sign-ins are one after the other, until the caller commits.
    """
    subject, mapping = read.read_subject(claims), config["PETITION_OIDC_ROLES"]
    if subject is None:
        raise InvalidAnswer
    _check_admitted(claims, config)
    roles = sorted(read.map_roles(claims, config["PETITION_OIDC_ROLE_CLAIM"], mapping)) if mapping else []
    if mapping and not roles:
        raise NotAdmitted
    issuer = config["PETITION_OIDC_ISSUER"]
    account = _find_linked(issuer, subject)
    if account is None:
        db.session.execute(select(func.pg_advisory_xact_lock(LINK_ADVISORY_LOCK_ID)))
        account = _find_linked(issuer, subject)
    is_linked = account is not None
    account = account or _find_by_address(claims, issuer, subject, roles, language)
    if not account.active:
        _record_failure(account)
        raise AccountDeactivated
    return Entry(account.id, subject, roles, is_linked)


def _check_admitted(claims: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Raise `NotAdmitted` for who lacks the claim, or an address at one of the domains, that the settings ask for."""
    required, domains = config["PETITION_OIDC_REQUIRED_CLAIM"], config["PETITION_OIDC_DOMAINS"]
    if required and required[1] not in read.read_values(claims, required[0]):
        raise NotAdmitted
    address = read.read_verified_address(claims)
    if domains and address is None:
        raise AddressNotVerified
    if domains and address and address.rpartition("@")[2] not in domains:
        raise NotAdmitted


def _find_linked(issuer: str, subject: str) -> Account | None:
    query = select(Account).join(SignInIdentity, SignInIdentity.account_id == Account.id)
    return db.session.scalar(query.where(SignInIdentity.issuer == issuer, SignInIdentity.subject == subject))


def _find_by_address(claims: dict[str, Any], issuer: str, subject: str, roles: list[str], language: str) -> Account:
    """Return the account of a verified address, linked to nobody yet; a new one if there is none, but roles."""
    address = read.read_verified_address(claims)
    if address is None:
        raise AddressNotVerified
    account = accounts.find_by_email(address, lock=True)
    if account is None:
        if not roles:
            raise NoAccount
        if not address.rpartition("@")[0].isascii():
            raise AddressNotVerified
        account = Account(email=address, name=read.read_name(claims), language=language, role_names=roles)
        db.session.add(account)
        db.session.flush()
        audit.record("provider.joined", "account", account.id, after={"roles": roles}, actor=ACTOR)
    elif is_linked_to_another(account, issuer, subject):
        _record_failure(account)
        raise LinkedToAnother
    elif account.active and account.is_invited and not account.name:
        account.name = read.read_name(claims)
    return account


def find_identity(account: Account, issuer: str | None) -> SignInIdentity | None:
    """Return who an account is at a provider; None if it is not linked."""
    query = select(SignInIdentity).where(SignInIdentity.account_id == account.id, SignInIdentity.issuer == issuer)
    return db.session.scalar(query) if issuer else None


def is_linked_to_another(account: Account, issuer: str, subject: str) -> bool:
    """Return whether an account is somebody else's at the provider."""
    identity = find_identity(account, issuer)
    return identity is not None and identity.subject != subject


def _record_failure(account: Account) -> None:
    """Record that somebody did not get into an account, and commit."""
    audit.record("sign-in.failed", "account", account.id, actor=account.email)
    db.session.commit()


def admit(account: Account, entry: Entry, issuer: str) -> None:
    """Link an account to who signs in, and give it the roles that the provider says. Before their session starts.

    Raises `LinkedToAnother` if somebody else was linked while this one was asked for a second factor.
    """
    if is_linked_to_another(account, issuer, entry.subject):
        raise LinkedToAnother
    identity = {"issuer": issuer, "subject": entry.subject, "account_id": account.id}
    added = insert(SignInIdentity).values(identity).on_conflict_do_nothing().returning(SignInIdentity.account_id)
    if not entry.is_linked and db.session.scalar(added):
        account.void_links()  # an invitation is accepted by this
        credentials.record_change(account, credentials.PROVIDER_LINKED, end_sessions=False)
    if entry.roles and entry.roles != sorted(account.role_names):
        with suppress(accounts.LastAdmin):  # somebody has to manage the team: they keep what they have
            accounts.set_roles(account, entry.roles, actor=ACTOR)


def unlink(account: Account, actor: str, keep_session: int | None = None) -> None:
    """Forget who an account is at the provider, and end its sessions but one. Raises `NotFound` where it is nobody."""
    links = delete(SignInIdentity).where(SignInIdentity.account_id == account.id)
    if not db.session.scalars(links.returning(SignInIdentity.account_id)).all():
        raise NotFound({"address": f"{account.email} is not linked to the sign-in provider"})
    credentials.record_change(account, credentials.PROVIDER_UNLINKED, actor=actor, keep_session=keep_session)
