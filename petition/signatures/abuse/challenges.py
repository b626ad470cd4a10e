"""Proofs of work, in the public format of ALTCHA (altcha.org), that the form asks for while a petition is attacked.

A challenge is signed, and stored nowhere; it holds random numbers, its petition and when it expires, and nothing of a
person. Its solution works once, which `used_challenges` sees to.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

import altcha
from flask_babel import gettext as _
from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import ValidationError
from petition.core.hashing import secret_keys
from petition.petitions.models import Petition
from petition.signatures.queries import USE_CHALLENGE_SQL
from petition.signatures.request_models import UsedChallenge

FIELD_NAME = "altcha"  # of the form and of the API: the solution
ALGORITHM = "PBKDF2/SHA-256"
# Whoever solves it derives some 600 keys until the right one: about a second of one core (docs/security.md).
KEY_ITERATIONS = 5_000
MIN_COUNTER, MAX_COUNTER = 300, 900
CHALLENGE_TTL = timedelta(minutes=20)
MAX_SOLUTION_CHARACTERS = 2_000


class ChallengeRequired(ValidationError):
    """The petition asks for a proof of work, and there is none that is right, new and unused."""

    def __init__(self) -> None:
        super().__init__(
            {
                FIELD_NAME: _(
                    "Robots may be signing at this moment, so your browser has to do a short calculation first. It has "
                    "not, or too long ago. Please press “Sign” once more."
                )
            }
        )


def make_challenge(petition_id: int) -> dict[str, Any]:
    """Return a challenge for whoever signs a petition, as the solver wants it."""
    signing_key, solution_key = _derive_keys(secret_keys()[0])
    challenge = altcha.create_challenge(
        ALGORITHM,
        KEY_ITERATIONS,
        counter=MIN_COUNTER + secrets.randbelow(MAX_COUNTER - MIN_COUNTER),
        expires_at=clock.now() + CHALLENGE_TTL,
        data={"petition": petition_id},
        hmac_secret=signing_key,
        hmac_key_secret=solution_key,
    )
    found: dict[str, Any] = challenge.to_dict()
    return found


def lacks_solution(petition: Petition, solution: Any, *, is_exempt: bool = False) -> bool:
    """Return whether a petition asks for a proof of work now, of somebody not exempt, and this is no solution of it.

    A solution counts as used from then on. Commits by itself.
    """
    is_asked = petition.is_open and petition.asks_challenge and not is_exempt
    return is_asked and not use_solution(petition.id, solution)


def use_solution(petition_id: int, text: Any) -> bool:
    """Return whether a text is the solution of a challenge for a petition, which nobody has used. Commits by itself.

    It counts as used from then on.
    """
    if not isinstance(text, str) or not 0 < len(text) <= MAX_SOLUTION_CHARACTERS:
        return False
    try:
        payload = altcha.Payload.from_base64(text)
        parameters = payload.challenge.parameters
        is_right = any(_verify(payload, key) for key in secret_keys())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # none of ours: what was signed here can be read
    if not is_right or (parameters.data or {}).get("petition") != petition_id:
        return False
    values = {"nonce": parameters.nonce, "expires_at": clock.now() + CHALLENGE_TTL}
    return execute_autocommit(USE_CHALLENGE_SQL, values) is not None


def _verify(payload: altcha.Payload, secret_key: str) -> bool:
    signing_key, solution_key = _derive_keys(secret_key)
    return bool(altcha.verify_solution(payload, signing_key, hmac_key_secret=solution_key).verified)


def _derive_keys(secret_key: str) -> tuple[bytes, bytes]:
    """Return the key that signs challenges, and the one that signs their solutions."""
    names = (b"challenge", b"challenge solution")
    signing_key, solution_key = (hmac.digest(secret_key.encode(), name, hashlib.sha256) for name in names)
    return signing_key, solution_key


def delete_expired_challenges() -> None:
    """Delete the challenges that were used and have expired. Flushes."""
    db.session.execute(delete(UsedChallenge).where(UsedChallenge.expires_at < clock.now()))
