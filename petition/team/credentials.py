"""Changes of what an account is signed in with: audited, mailed to its owner, and they end its other sessions."""

from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import Conflict
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.team import audit, sessions
from petition.team.models import Account

CREDENTIALS_CHANGED = "credentials_changed"  # a kind of email; its subject is the audit event

# Actions in the audit trail; `labels.credential_change_labels` has a sentence for each.
PASSWORD_CHANGED = "password.changed"  # noqa: S105 - not a password
PASSWORD_RESET = "password.reset"  # noqa: S105 - not a password
AUTHENTICATOR_SET = "authenticator.set"
RECOVERY_CODES_CREATED = "recovery-codes.created"
RECOVERY_CODE_USED = "recovery-code.used"
PASSKEY_ADDED = "passkey.added"
PASSKEY_DELETED = "passkey.deleted"
SECOND_FACTOR_RESET = "second-factor.reset"
PROVIDER_LINKED = "provider.linked"
PROVIDER_UNLINKED = "provider.unlinked"


class OwnAccount(Conflict):
    """An administrator would reset their own second factor, and so sign in without it."""


def record_change(
    account: Account,
    action: str,
    *,
    keep_session: int | None = None,
    end_sessions: bool = True,
    actor: str | None = None,
) -> None:
    """Record a change in the audit trail, enqueue an email about it, and end the account's sessions but one. Flushes.

    Links mailed before no longer work.
    """
    event = audit.record(action, "account", account.id, actor=actor or account.email)
    enqueue(CREDENTIALS_CHANGED, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=event.id, generation=0)])
    if end_sessions:
        sessions.revoke_all(account, keep=keep_session)
        account.void_links()
        db.session.flush()


def reset_second_factor(account: Account, actor: str, actor_id: int | None = None) -> None:
    """Delete authenticator, passkeys and recovery codes: the next sign-in by password sets up new ones. Flushes.

    `actor_id`: the account that does this, if any. Raises `OwnAccount` where it is the same.
    """
    if actor_id == account.id:
        raise OwnAccount({"second_factor": _("Another administrator has to do this for your own account.")})
    account.tf_primary_method = account.tf_totp_secret = account.mf_recovery_codes = None
    account.webauthn.clear()
    record_change(account, SECOND_FACTOR_RESET, actor=actor)
