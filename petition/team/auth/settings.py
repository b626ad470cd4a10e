"""Flask-Security's settings, without their prefix `SECURITY_`."""

from datetime import timedelta
from typing import Any

from petition.core import clock
from petition.core.i18n import N_
from petition.team.accounts import MIN_PASSWORD_CHARACTERS

SECURITY_SETTINGS: dict[str, Any] = {
    "URL_PREFIX": "/account",
    "LOGIN_URL": "/sign-in",
    "LOGOUT_URL": "/sign-out",
    "CHANGE_URL": "/password",
    "VERIFY_URL": "/verify",
    "TWO_FACTOR_SETUP_URL": "/two-factor",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/code",
    "TWO_FACTOR_SELECT_URL": "/second-factor",
    "MULTI_FACTOR_RECOVERY_URL": "/recovery",
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/recovery-codes",
    "WAN_REGISTER_URL": "/passkeys",
    "WAN_SIGNIN_URL": "/passkey",
    "WAN_DELETE_URL": "/passkey-delete",
    "WAN_VERIFY_URL": "/passkey-verify",
    "STATIC_FOLDER_URL": "/security-static",
    "POST_LOGIN_VIEW": "/desk/",
    "POST_LOGOUT_VIEW": "/account/sign-in",
    "POST_CHANGE_VIEW": "/account/",
    "POST_VERIFY_VIEW": "/account/",
    "TWO_FACTOR_POST_SETUP_VIEW": "/account/",
    "WAN_POST_REGISTER_VIEW": "/account/",
    "CACHE_CONTROL": None,  # set by core.security_headers
    "RETURN_GENERIC_RESPONSES": True,
    "LOGOUT_METHODS": ["POST"],
    "LOGOUT_CSRF": True,
    "PASSWORD_HASH": "argon2",
    "PASSWORD_SCHEMES": ["argon2"],
    "PASSWORD_SINGLE_HASH": ["argon2"],
    "PASSWORD_LENGTH_MIN": MIN_PASSWORD_CHARACTERS,
    "CHANGEABLE": True,
    "SEND_PASSWORD_CHANGE_EMAIL": False,
    # How long ago somebody may have given password or passkey who changes how the account is signed in to.
    "FRESHNESS": timedelta(minutes=15),
    "FRESHNESS_GRACE_PERIOD": timedelta(0),
    "TWO_FACTOR": True,
    "TWO_FACTOR_REQUIRED": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,  # seconds: one time step before and after (RFC 6238, 5.2)
    "TWO_FACTOR_RESCUE_EMAIL": False,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 8,
    "WEBAUTHN": True,
    "WAN_ALLOW_USER_HINTS": False,  # they would reveal which addresses have an account
    "JOIN_USER_ROLES": False,
    "API_ENABLED_METHODS": ["session"],
    "DATETIME_FACTORY": clock.now,
    "TOTP_SECRETS": {"unused": "unused"},  # required; `EncryptedTotp` derives its own
    "TOTP_ISSUER": "Petition",
    "WAN_RP_NAME": "Petition",
    "SCRIPT_NONCE_KEY": "script_nonce",
    "MSG_TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (N_("Two-factor authentication is on."), "success"),
    "MSG_TWO_FACTOR_LOGIN_SUCCESSFUL": (N_("You are signed in."), "success"),
    "MSG_GENERIC_AUTHN_FAILED": (N_("That address, password or code is not right. Please try again."), "error"),
}
