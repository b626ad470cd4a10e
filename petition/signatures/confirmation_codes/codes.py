"""Confirm by the code in the email, typed on "check your email" or sent to the API, instead of by its link.

A code is eight digits derived from the number of a link, and stored nowhere. The handle (`code_handles`) says which
signature it is for. Whether there is one shows only to whoever has the code: every other answer is the same.
"""

import hashlib
import hmac
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import delete, select, tuple_

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import Conflict, InvalidLink, ValidationError
from petition.core.hashing import keyed_hashes, secret_keys
from petition.signatures.abuse.presses import Press
from petition.signatures.confirm import DetailsChanged, SignatureEnded, confirm
from petition.signatures.confirmation_codes.code_handles import NOBODY, Handle, digest_details, open_handle
from petition.signatures.fingerprint import compute_fingerprint
from petition.signatures.links import LinkTarget, make_confirm_token
from petition.signatures.models import CONFIRMED_STATES, SignatureState
from petition.signatures.queries import COUNT_CODE_TRY_SQL
from petition.signatures.request_models import CodeTries

CODE_DIGITS = 8
MAX_TRIES = 10  # of the code of one link
MAX_CODES = 5  # that work at once: whoever asked for another email may read the one before
MAX_TYPED_CHARACTERS = 100
BATCH_SIZE = 500
ROWS_OF_UNKNOWN_HANDLES = 64  # few, so that made-up handles fill no table


class _Signer(NamedTuple):
    """What `COUNT_CODE_TRY_SQL` returns: how many tries there were, and the signature; without one, `id` is 0."""

    tries: int
    generations: list[int]  # whose codes work, and zeros
    id: int
    state: str
    party: str
    own_name: str
    profession: str | None
    organisation: str | None
    city: str | None
    listed: bool
    named_when: str | None
    updates: bool
    email: str

    @property
    def shown(self) -> str | bool:
        """Whether the name is shown in the list, or when it will be."""
        return self.named_when or self.listed


class _Link(NamedTuple):
    id: int
    generation: int


class WrongCode(ValidationError):
    """The code is not that of a signature that waits. Nothing says whether there is one, or how many tries are left."""

    def __init__(self) -> None:
        super().__init__(
            {"code": _("This code does not work. Please check its digits, or use the link in the same email.")}
        )


class UnreadDetails(Conflict):
    """The code is right, but the details are not those that were submitted. `token`: of the page that shows them."""

    def __init__(self, token: str) -> None:
        super().__init__({"code": _("These details have changed since you signed. Please read them once more.")})
        self.token = token


def make_code(link: LinkTarget, key: str | None = None) -> str:
    """Return the code that does what a link does: `CODE_DIGITS` digits, under the current key or another."""
    mac = _mac_for_key(key or current_app.config["SECRET_KEY"]).copy()
    mac.update(b"%d %d" % (link.id, link.generation))
    return f"{int.from_bytes(mac.digest()) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


@lru_cache(maxsize=8)
def _mac_for_key(key: str) -> hmac.HMAC:
    # Copied for each email, as the key schedule is most of the work (see `delivery.composers`).
    return hmac.new(hmac.digest(key.encode(), b"confirmation code", hashlib.sha256), digestmod="sha256")


def format_code(code: str) -> str:
    """Return a code in two groups, in which people do not lose their place."""
    return f"{code[: CODE_DIGITS // 2]} {code[CODE_DIGITS // 2 :]}"


def confirm_by_code(handle: str, typed: str, networks: list[str], petition_id: int | None = None) -> LinkTarget:
    """Confirm the signature that a handle and its code are for, and return it. Commits by itself.

    `networks`: hashes of the client's, to be noted. `petition_id`: of the page on which the code was typed, if on one.
    The try is counted first, by one statement that does the same for every handle and every address. What is not a
    digit is ignored. Idempotent as `confirm`.

    Raises `WrongCode` where handle, code or signature is not right, or after `MAX_TRIES` of the link; where the code is
    right `UnreadDetails` or `ConfirmationClosed`.
    """
    opened = open_handle(handle)
    if opened is None or petition_id not in (None, opened.petition_id):
        opened = NOBODY._replace(email_canonical=f"unknown {_spread(handle)}")
    signer = _count_try(opened)
    digits = "".join(str(int(character)) for character in typed[:MAX_TYPED_CHARACTERS] if character.isdecimal())
    link = _find_link(signer, digits)
    if link is None or signer.tries > MAX_TRIES:
        raise WrongCode
    token = make_confirm_token(link)
    if signer.state == SignatureState.PENDING and digest_details(signer, signer.email) != opened.details:
        # Somebody else may have signed with this address meanwhile: nobody confirms what they have not read.
        raise UnreadDetails(token)
    try:
        return confirm(token, compute_fingerprint(signer), Press(networks))
    except DetailsChanged:
        raise UnreadDetails(token) from None
    except (InvalidLink, SignatureEnded):  # a moment ago
        raise WrongCode from None


def _spread(handle: str) -> int:
    return hashlib.sha256(handle.encode("utf-8", "replace")).digest()[0] % ROWS_OF_UNKNOWN_HANDLES


def _count_try(handle: Handle) -> _Signer:
    signer = f"{handle.petition_id} {handle.party} {handle.email_canonical}"
    values = {
        "petition_id": handle.petition_id,
        "party": handle.party,
        "email_canonical": handle.email_canonical,
        "key_hash": keyed_hashes("code tries", signer)[0],
        "max_tries": MAX_TRIES,
        "earlier_codes": MAX_CODES - 1,
        "since": clock.now() - timedelta(days=current_app.config["CONFIRM_WITHIN"]),
    }
    return _Signer(*execute_autocommit(COUNT_CODE_TRY_SQL, values))


def _find_link(signer: _Signer, digits: str) -> _Link | None:
    """Return the link whose code was typed, of a signature that it can confirm. As many are compared for everybody."""
    found = None
    for generation in (*signer.generations, *[0] * MAX_CODES)[:MAX_CODES]:
        link = _Link(signer.id, generation)
        for key in secret_keys():
            is_same = hmac.compare_digest(make_code(link, key).encode(), digits.encode())
            found = link if is_same and generation else found
    return found if signer.state in (SignatureState.PENDING, *CONFIRMED_STATES) else None


def delete_old_tries() -> int:
    """Delete a batch of counters of tries whose codes have expired. Flushes. Returns how many: call until none."""
    key = tuple_(CodeTries.key_hash, CodeTries.generation)
    oldest = clock.now() - timedelta(days=current_app.config["CONFIRM_WITHIN"])
    # One that was begun before its email was sent outlives it by a day.
    batch = select(CodeTries.key_hash, CodeTries.generation).where(CodeTries.started_at < oldest - timedelta(days=1))
    result = db.session.execute(delete(CodeTries).where(key.in_(batch.limit(BATCH_SIZE))))
    return int(getattr(result, "rowcount", 0))
