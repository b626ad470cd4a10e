"""What an account is signed in with, beside its password: one-time codes, recovery codes, passkeys."""

import hashlib
import hmac
from typing import Any

from flask import current_app
from flask_security import MfRecoveryCodesUtil, Totp, WebauthnUtil
from passlib.totp import TOTP
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement

from petition.core.db import db
from petition.team import credentials
from petition.team.models import Account
from petition.team.permissions import current_session


def derive_keys(purpose: str) -> list[bytes]:
    """Return a 32-byte key for a purpose from each secret key, the current one first."""
    keys = [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
    return [hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest() for key in keys]


def unwrap(user: Any) -> Account:
    """Return the account itself, of which Flask-Security passes Flask-Login's proxy here and there."""
    account: Account = user._get_current_object() if hasattr(user, "_get_current_object") else user
    return account


def lock(user: Any) -> Account:
    """Lock and reload an account until the end of the transaction: of two uses of a code at once, one succeeds."""
    account = unwrap(user)
    db.session.refresh(account, with_for_update=True)
    return account


class EncryptedTotp(Totp):
    """One-time codes (TOTP) whose secrets are stored encrypted under the secret keys; each code is accepted once."""

    def __init__(self, _unused: Any, issuer: str) -> None:
        keys = derive_keys("totp secrets")
        keys_by_tag = {hashlib.sha256(key).hexdigest()[:8]: key.hex() for key in reversed(keys)}
        self._totp = TOTP.using(issuer=issuer, secrets=keys_by_tag)
        # passlib would encrypt with the key whose tag sorts last, instead of the current one.
        self._totp.wallet.default_tag = next(reversed(keys_by_tag))

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        """Return whether a code is right and unused, and mark it as used. Locks the account."""
        return super().verify_totp(token, totp_secret, lock(user), window)

    def get_last_counter(self, user: Any) -> int | None:
        """Return the time step of the last accepted code."""
        return user.tf_last_counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Store the time step of an accepted code, so that it is not accepted again (RFC 6238, 5.2)."""
        user.tf_last_counter = tmatch.counter


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes that are used up by the check itself, so that two checks at once cannot both succeed."""

    def create_recovery_codes(self, user: Any) -> list[str]:
        """Replace the codes of an account, record that, and return the new ones."""
        codes: list[str] = super().create_recovery_codes(user)
        here = current_session()
        credentials.record_change(
            unwrap(user), credentials.RECOVERY_CODES_CREATED, keep_session=here.id if here else None
        )
        return codes

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Return whether a code is right, and delete it. Locks the account."""
        account = lock(user)
        left = list(account.mf_recovery_codes or [])
        for stored in left:
            if any(hmac.compare_digest(known.encode(), code.encode()) for known in self._decrypt_codes([stored])):
                left.remove(stored)
                account.mf_recovery_codes = left
                credentials.record_change(account, credentials.RECOVERY_CODE_USED, end_sessions=False)
                return True
        return False

    def delete_recovery_code(self, _user: Any, _code: str) -> bool:
        """Do nothing: `check_recovery_code` has deleted it."""
        return True


class PasskeyUtil(WebauthnUtil):
    """Passkeys on any authenticator; Flask-Security's default admits USB keys only, no phone or computer."""

    def authenticator_selection(self, _user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        """Require a discoverable passkey, and user verification if it is the only factor (WebAuthn 2, 5.4.4)."""
        only_factor = usage == "first"
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED
            if only_factor
            else UserVerificationRequirement.PREFERRED,
        )

    def user_verification(self, _user: Any, usage: list[str]) -> UserVerificationRequirement:
        """Require that a passkey verifies its holder where it is the only factor."""
        return UserVerificationRequirement.REQUIRED if usage == ["first"] else UserVerificationRequirement.PREFERRED
