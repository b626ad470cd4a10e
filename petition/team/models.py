"""The members of the team, their passkeys and sessions, attempts to sign in, and the audit trail."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_security import AsaList, RoleMixin, UserMixin, WebAuthnMixin
from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from petition.core.db import Model, identity_column


class TeamRole(StrEnum):
    """A role, which grants permissions."""

    OPERATOR = "operator"
    CAMPAIGNER = "campaigner"
    SENDER = "sender"
    ADMIN = "admin"


TEAM_ROLES = tuple(member.value for member in TeamRole)


@dataclass(frozen=True)
class SecurityRole(RoleMixin):
    """A role in the form that Flask-Security expects; an account stores names only."""

    name: str
    permissions = None


def _create_uniquifier() -> str:
    return secrets.token_hex(16)


class Account(Model, UserMixin):
    """A member of the team. Without a password until the invitation is accepted."""

    __tablename__ = "accounts"

    id: Mapped[int] = identity_column()
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(5))
    role_names: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    active: Mapped[bool] = mapped_column(default=True)
    password: Mapped[str | None] = mapped_column(String(255))
    # Identifies the account in its sessions: a new value ends them all.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True, default=_create_uniquifier)
    # Part of every link: a new value ends those mailed before. Raised when one is used.
    link_generation: Mapped[int] = mapped_column(default=0)
    # Numbers the emails with links: the same link can be mailed again without replacing the one before.
    links_mailed: Mapped[int] = mapped_column(default=0, server_default="0")
    # Kinds of alerts that the member switched off (`alert_kinds`).
    alerts_off: Mapped[list[str]] = mapped_column(ARRAY(String(20)), default=list, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_sign_in_at: Mapped[datetime | None]
    # Columns from here on have Flask-Security's names.
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    tf_last_counter: Mapped[int | None]
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(String(64), unique=True)  # type: ignore[assignment]
    mf_recovery_codes: Mapped[Any] = mapped_column(MutableList.as_mutable(AsaList()), nullable=True)
    # Not loaded with the account, which each request of the team reads.
    webauthn: Mapped[list["Passkey"]] = relationship(  # type: ignore[assignment]
        cascade="all, delete-orphan"
    )

    @property  # type: ignore[override]
    def roles(self) -> list[SecurityRole]:
        """The roles in the form that Flask-Security expects."""
        return [SecurityRole(name) for name in self.role_names]

    @roles.setter
    def roles(self, roles: list[SecurityRole]) -> None:
        self.role_names = [role.name for role in roles]

    def has_any_role(self, *roles: str) -> bool:
        """Return whether the account has one of the roles (an admin has all), or none is asked for."""
        return not roles or TeamRole.ADMIN in self.role_names or any(role in self.role_names for role in roles)

    def void_links(self) -> None:
        """End the links mailed so far, and the emails with links that still wait."""
        self.link_generation = (self.link_generation or 0) + 1
        self.links_mailed = (self.links_mailed or 0) + 1

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in takes more than a password."""
        return bool(self.tf_primary_method or self.webauthn)

    @property
    def is_invited(self) -> bool:
        """Whether the invitation has not been accepted yet. By the sign-in provider one joins without a password."""
        return bool(self.active and self.password is None and self.last_sign_in_at is None)


class Passkey(Model, WebAuthnMixin):
    """A credential that an account signs in with in place of its password (WebAuthn)."""

    __tablename__ = "passkeys"

    id: Mapped[int] = identity_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(default=0)
    transports: Mapped[Any] = mapped_column(MutableList.as_mutable(AsaList()), nullable=True)
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(String(64))
    extensions: Mapped[str | None] = mapped_column(String(255))
    create_datetime: Mapped[datetime] = mapped_column(server_default=func.now())
    lastuse_datetime: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(64))
    usage: Mapped[str] = mapped_column(String(64))

    def get_user_mapping(self) -> dict[str, Any]:
        """Return the criteria that find the passkey's account (Flask-Security)."""
        return {"id": self.user_id}


class SignInIdentity(Model):
    """Who a member is at the sign-in provider, which gives a `subject` to one person for ever (OIDC, section 2)."""

    __tablename__ = "sign_in_identities"

    issuer: Mapped[str] = mapped_column(String(500), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    linked_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("account_id", "issuer"),)


class TeamSession(Model):
    """A sign-in of an account in one browser. The cookie holds a random token, of which this row has the hash."""

    __tablename__ = "team_sessions"

    id: Mapped[int] = identity_column()
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    browser: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class SignInAttempt(Model):
    """An attempt with a password or code that has not succeeded. Subject and network are keyed hashes."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = identity_column()
    subject: Mapped[str] = mapped_column(String(32))
    network: Mapped[str] = mapped_column(String(32))
    failed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    attempted_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)

    __table_args__ = (Index("ix_sign_in_attempts_subject", "subject", "attempted_at"),)


class SignInNetwork(Model):
    """A network from which an account was signed in to. Subject and network are keyed hashes."""

    __tablename__ = "sign_in_networks"

    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    network: Mapped[str] = mapped_column(String(32), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UnsavedForm(Model):
    """What a member typed into a form of the desk and has not saved: the fields as they were, for two weeks."""

    __tablename__ = "unsaved_forms"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    form: Mapped[str] = mapped_column(String(200), primary_key=True)  # the path of its page
    fields: Mapped[list[Any]] = mapped_column(JSONB)  # [name, value] pairs
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LinkRequest(Model):
    """An address that asked for a link, whether or not it has an account. Deleted when a worker has processed it."""

    __tablename__ = "link_requests"

    id: Mapped[int] = identity_column()
    address: Mapped[str] = mapped_column(String(320))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEvent(Model):
    """An action of a person: who, what, on which subject, before and after. Never a signer's name or address."""

    __tablename__ = "audit_events"

    id: Mapped[int] = identity_column()
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    account_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(80))
    before: Mapped[Any] = mapped_column(JSONB, nullable=True)
    after: Mapped[Any] = mapped_column(JSONB, nullable=True)
    request_id: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        Index("ix_audit_events_actor", "actor", text("id DESC")),
        Index("ix_audit_events_action", "action", text("id DESC")),
        Index("ix_audit_events_subject", "subject", "subject_id", "id"),
    )
