"""The signed links in emails: what each says, and whether it still holds."""

from datetime import timedelta
from typing import Protocol

from flask import current_app
from sqlalchemy.orm import defaultload

from petition.core import tokens
from petition.core.db import db
from petition.core.errors import Gone
from petition.petitions.models import Petition
from petition.signatures.models import DISOWNED, Signature

CONFIRM = "confirm_signature"
PERSONAL = "personal_page"


class Linked(Protocol):
    """What a link is made for."""

    @property
    def id(self) -> int: ...
    @property
    def generation(self) -> int: ...


class Expired(Gone):
    """A link of ours whose time has passed, or that a newer one replaced; `signature` may be gone as well."""

    def __init__(self, signature: Signature | None) -> None:
        super().__init__({"token": "expired"})
        self.signature = signature


class NotOurs(Gone):
    """Not a link of ours: mangled beyond repair, or made up."""

    def __init__(self) -> None:
        super().__init__({"token": "unknown"})


def confirm_token(signature: Linked) -> str:
    """Return the token of a link that confirms this signature."""
    return tokens.make(CONFIRM, signature.id, signature.generation)


def personal_token(signature: Linked) -> str:
    """Return the token of a link to the signer's own page; it does not expire."""
    return tokens.make(PERSONAL, signature.id, signature.generation)


def personal_path(signature: Linked) -> str:
    """Return the path of the signer's own page."""
    return f"/me/{personal_token(signature)}"


def absolute(path: str) -> str:
    """Return the address that signers see for a path."""
    return f"{current_app.config['PUBLIC_URL']}{path}"


def petition_url(slug: str, language: str) -> str:
    """Return the public address of a petition's page in a language."""
    return absolute(f"/p/{slug}?lang={language}")


def read_confirm_token(token: str) -> tuple[int, int]:
    """Return the signature and the generation that a confirmation link is for. Raises as `tokens.read`."""
    return _two(tokens.read(CONFIRM, token, timedelta(days=current_app.config["CONFIRM_WITHIN"])))


def by_confirm_token(token: str, *, lock: bool = False) -> Signature:
    """Return the signature that a confirmation link is for. Raises `Expired` or `NotOurs`.

    `lock`: whoever means to change it has it alone until the end of the transaction, as people press twice.
    """
    try:
        signature_id, generation = read_confirm_token(token)
    except tokens.ExpiredToken as error:
        raise Expired(_find(_two(error.values)[0], lock)) from None
    except tokens.BadToken:
        raise NotOurs from None
    return _held(signature_id, generation, lock)


def by_personal_token(token: str, *, lock: bool = False) -> Signature:
    """Return the signature that a personal link is for. Raises `Expired` or `NotOurs`."""
    try:
        signature_id, generation = _two(tokens.read(PERSONAL, token))
    except tokens.BadToken:
        raise NotOurs from None
    signature = _held(signature_id, generation, lock)
    if signature.state == DISOWNED:
        raise Expired(None)  # what is left of it only keeps its owner from being mailed again
    return signature


def _find(signature_id: int, lock: bool) -> Signature | None:
    # Whether its petition takes confirmations needs none of its words.
    wordless = defaultload(Signature.petition).lazyload(Petition.texts)
    for_update = {"of": Signature} if lock else None
    return db.session.get(Signature, signature_id, with_for_update=for_update, options=[wordless])


def _held(signature_id: int, generation: int, lock: bool) -> Signature:
    signature = _find(signature_id, lock)
    if signature is None or not signature.valid_from <= generation <= signature.generation:
        raise Expired(signature)
    return signature


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    if len(values) != 2 or max(values) >= 2**63:
        raise tokens.BadToken("not a token")
    return values[0], values[1]
