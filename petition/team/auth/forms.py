"""Flask-Security's forms that check a secret: each check is counted first, against the account that it concerns."""

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import request, session
from flask_login import current_user
from flask_security import (
    ChangePasswordForm,
    LoginForm,
    MailUtil,
    TwoFactorVerifyCodeForm,
    VerifyForm,
    hash_password,
    verify_password,
)
from flask_security.mail_util import EmailValidateException
from flask_security.recovery_codes import MfRecoveryForm
from flask_security.utils import get_message

from petition.core.hashing import keyed_hashes
from petition.safeguards.email_addresses import BadAddress
from petition.safeguards.ip_networks import find_network, hash_network
from petition.team.accounts import find_by_email, normalize_address, normalize_password, password_errors
from petition.team.auth import limits
from petition.team.models import Account
from petition.team.permissions import current_account

IPV6_BITS = 56  # what a provider gives one customer
MAX_CHECKED_CHARACTERS = 4096  # passlib's own bound, above which it raises an error; no password is so long


def client_networks() -> list[str]:
    """Return the keyed hashes of the client's network (IPv4 /24, IPv6 /56), the current key first."""
    network = find_network(request.remote_addr or "", ipv6_bits=IPV6_BITS)
    return hash_network(network) if network else keyed_hashes("network", "unknown")


def check_counted(address: str, account: Account | None, check: Callable[[], bool]) -> bool:
    """Count an attempt on an address, check its secret, record the result, and commit. Raises `TooManyAttempts`."""
    attempt = limits.begin_attempt(address, client_networks())
    succeeded = check()
    limits.finish_attempt(attempt, succeeded=succeeded, account=account)
    return succeeded


@cache
def _decoy_hash() -> str:
    return hash_password("checked where there is no account, so that it takes as long")


def _check_password(account: Account | None, password: str) -> bool:
    """Return whether a password is an active account's. Takes one argon2, whatever the account is."""
    if account is None or not account.password or len(password) > MAX_CHECKED_CHARACTERS:
        verify_password(password[:MAX_CHECKED_CHARACTERS], _decoy_hash())
        return False
    return bool(account.verify_and_update_password(password)) and account.active


class LookupMailUtil(MailUtil):
    """Reads addresses as accounts are found by, and keeps Flask-Security from sending email: `delivery` sends all."""

    def normalize(self, email: str) -> str:
        """Return an address as accounts are found by."""
        try:
            return normalize_address(email)
        except BadAddress:
            raise EmailValidateException(get_message("GENERIC_AUTHN_FAILED")[0]) from None

    def send_mail(self, *_: Any, **__: Any) -> None:
        """Send nothing."""


class SignInForm(LoginForm):
    """Address and password. The same answer for a wrong password, an unknown address and a disabled account."""

    remember = None  # a sign-in ends with its session

    def validate(self, **kwargs: Any) -> bool:
        """Check the password, once for any address."""
        if not super(LoginForm, self).validate(**kwargs):
            return False
        address, password = str(self.email.data), normalize_password(str(self.password.data))
        account = find_by_email(address)
        if not check_counted(address, account, lambda: _check_password(account, password)):
            self.form_errors.append(get_message("GENERIC_AUTHN_FAILED")[0])
            return False
        self.user, self.ifield = account, self.email
        return True


def _check_own_password(field: Any) -> bool:
    """Check, and count, the password of who is signed in; a wrong one is an error of its field."""
    account, password = current_account(), normalize_password(str(field.data or ""))
    if account and check_counted(account.email, account, lambda: _check_password(account, password)):
        return True
    _add_error(field, "INVALID_PASSWORD")
    return False


class VerifyPasswordForm(VerifyForm):
    """The password of who is signed in, asked for again."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the password."""
        return super(VerifyForm, self).validate(**kwargs) and _check_own_password(self.password)


class NewPasswordForm(ChangePasswordForm):
    """The current password and a new one."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the current password, which is counted, then the new one."""
        if not super(ChangePasswordForm, self).validate(**kwargs) or not _check_own_password(self.password):
            return False
        if errors := password_errors(str(self.new_password.data)):
            self.new_password.errors = [*self.new_password.errors, *errors.values()]
            return False
        return super().validate(**kwargs)


class CodeForm(TwoFactorVerifyCodeForm):
    """A code of an authenticator: to sign in, or to show that a new authenticator works."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the code, which is counted when signing in."""
        account: Account = self.user  # type: ignore[assignment]
        if session.get("tf_state") == "ready" and not current_user.is_authenticated:
            return check_counted(account.email, account, lambda: super(CodeForm, self).validate(**kwargs))
        if not super().validate(**kwargs):
            return False
        # The account is locked by now: another may have set up a factor since this sign-in began.
        if not current_user.is_authenticated and account.has_second_factor:
            _add_error(self.code, "TWO_FACTOR_PERMISSION_DENIED")
            return False
        return True


class RecoveryForm(MfRecoveryForm):
    """A recovery code, in place of an authenticator's."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the code, and use it up."""
        account: Account = self.user  # type: ignore[assignment]
        return check_counted(account.email, account, lambda: super(RecoveryForm, self).validate(**kwargs))


def _add_error(field: Any, message: str) -> None:
    field.errors = [*field.errors, get_message(message)[0]]
