"""The signed links in emails: make them, read them, and check that they are still valid."""

from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import defaultload

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import InvalidLink
from petition.core.ids import MAX_ID
from petition.petitions.models import Petition
from petition.signatures.models import Signature, SignatureState

CONFIRM_TOKEN_PURPOSE = "confirm_signature"  # noqa: S105 - a name
PERSONAL_PAGE_TOKEN_PURPOSE = "personal_page"  # noqa: S105 - a name
DRAFT_LINK = "draft"  # the purpose of a colleague's link to a draft
DRAFT_LINK_TTL = timedelta(days=7)


class LinkTarget(Protocol):
    """What a link is made of: a loaded signature, or the columns of one."""

    @property
    def id(self) -> int: ...
    @property
    def generation(self) -> int: ...


class LinkProblem(StrEnum):
    """Why one of our links no longer works."""

    EXPIRED = "expired"
    REPLACED = "replaced"
    CONFIRMED = "confirmed"  # it is too old, and what it asked for was done
    ERASED = "erased"
    LAPSED = "lapsed"  # too old, and nothing is kept: not confirmed in time, or erased since
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"
    DISOWNED = "disowned"


def link_problem_message(problem: LinkProblem) -> str:
    """Return in one sentence why a link no longer works."""
    return {
        LinkProblem.EXPIRED: _("This link has expired: a new one can be sent to the same address."),
        LinkProblem.REPLACED: _("A newer link was sent to the same address, and replaces this one."),
        LinkProblem.CONFIRMED: _("This signature is confirmed already."),
        LinkProblem.ERASED: _("This signature was erased, with everything that belonged to it."),
        LinkProblem.LAPSED: _("This signature was not confirmed in time, or its signer had it erased since."),
        LinkProblem.WITHDRAWN: _("This signature was withdrawn."),
        LinkProblem.INVALIDATED: _("The team set this signature aside: it does not count."),
        LinkProblem.DISOWNED: _("Whoever received the link said that they had not signed."),
    }[problem]


STATE_PROBLEMS = {
    SignatureState.WITHDRAWN: LinkProblem.WITHDRAWN,
    SignatureState.INVALIDATED: LinkProblem.INVALIDATED,
    SignatureState.DISOWNED: LinkProblem.DISOWNED,
}


class ExpiredLink(InvalidLink):
    """A link of ours that no longer works, and why; `signature` is None if it was deleted.

    What became of the signature says more than the age of the link.
    """

    def __init__(self, signature: Signature | None, problem: LinkProblem, locale: str = "") -> None:
        if signature is not None:
            problem = STATE_PROBLEMS.get(SignatureState(signature.state), problem)
        super().__init__({"token": link_problem_message(problem)})
        self.signature, self.problem = signature, problem
        self.locale = signature.locale if signature else locale  # of the signer; empty if not known


class AnonymisedLink(ExpiredLink):
    """A link to a signature that was anonymised: it counts, and nothing in it leads to a person any more.

    For whoever handles `ExpiredLink`, there is no signature left. `petition` is the one that it is of.
    """

    def __init__(self, petition: Petition) -> None:
        advice = _("This petition is over: the names and addresses of its signers are erased.")
        InvalidLink.__init__(self, {"token": advice})
        self.signature, self.petition = None, petition
        self.problem, self.locale = LinkProblem.ERASED, ""


class UnknownLink(InvalidLink):
    """A link that this application did not make, or that was damaged on its way."""

    def __init__(self) -> None:
        super().__init__({"token": _("This is not one of our links. Please copy it whole from the email.")})


def make_confirm_token(signature: LinkTarget) -> str:
    """Return the token of a link that confirms a signature."""
    return tokens.make(CONFIRM_TOKEN_PURPOSE, signature.id, signature.generation)


def make_personal_token(signature: LinkTarget) -> str:
    """Return the token of a link to the signer's personal page; it does not expire."""
    return tokens.make(PERSONAL_PAGE_TOKEN_PURPOSE, signature.id, signature.generation)


def personal_path(signature: LinkTarget) -> str:
    """Return the path of the signer's personal page."""
    return f"/me/{make_personal_token(signature)}"


def absolute_url(path: str) -> str:
    """Return the public URL of a path."""
    return f"{current_app.config['PUBLIC_URL']}{path}"


def petition_url(slug: str, language: str) -> str:
    """Return the public URL of a petition's page in a language."""
    return absolute_url(f"/p/{slug}?lang={language}")


def read_confirm_token(token: str) -> tuple[int, int]:
    """Return the signature id and the generation of a confirmation link. Raises `BadToken` or `ExpiredToken`."""
    return _unpack_pair(tokens.read(CONFIRM_TOKEN_PURPOSE, token, timedelta(days=current_app.config["CONFIRM_WITHIN"])))


def get_by_confirm_token(token: str, *, lock: bool = False) -> Signature:
    """Return the signature that a confirmation link is for. Raises `ExpiredLink` or `UnknownLink`.

    `lock` locks its row until the end of the transaction, for a caller that changes it: people press twice.
    """
    try:
        signature_id, generation = read_confirm_token(token)
    except tokens.ExpiredToken as error:
        signature = find_signature(_unpack_pair(error.values)[0], lock=lock)
        raise ExpiredLink(signature, _problem_of_old_link(signature)) from None
    except tokens.BadToken:
        raise UnknownLink from None
    return _get_valid(signature_id, generation, lock)


def get_by_personal_token(token: str, *, lock: bool = False) -> Signature:
    """Return the signature that a personal link is for. Raises `ExpiredLink` or `UnknownLink`. `lock` as above."""
    try:
        signature_id, generation = _unpack_pair(tokens.read(PERSONAL_PAGE_TOKEN_PURPOSE, token))
    except tokens.BadToken:
        raise UnknownLink from None
    signature = _get_valid(signature_id, generation, lock)
    if signature.state == SignatureState.DISOWNED:
        # Nobody but the team sees what is left of it, and only for a time.
        raise ExpiredLink(None, LinkProblem.DISOWNED, signature.locale)
    return signature


def find_signature(signature_id: int, *, lock: bool = False) -> Signature | None:
    """Return a signature with its petition. `lock` locks its row."""
    # Its petition decides whether it can be confirmed; the petition's texts are not needed for that.
    without_texts = defaultload(Signature.petition).lazyload(Petition.texts)
    for_update = {"of": Signature} if lock else None
    signature = db.session.get(Signature, signature_id, with_for_update=for_update, options=[without_texts])
    if signature is not None and signature.anonymised_at is not None:
        raise AnonymisedLink(signature.petition)
    return signature


def _get_valid(signature_id: int, generation: int, lock: bool) -> Signature:
    signature = find_signature(signature_id, lock=lock)
    if signature is None:
        raise ExpiredLink(None, LinkProblem.ERASED)
    if not signature.valid_from <= generation <= signature.generation:
        raise ExpiredLink(signature, LinkProblem.REPLACED)
    return signature


def _problem_of_old_link(signature: Signature | None) -> LinkProblem:
    if signature is None:
        return LinkProblem.LAPSED
    return LinkProblem.CONFIRMED if signature.is_confirmed else LinkProblem.EXPIRED


def _unpack_pair(values: tuple[int, ...]) -> tuple[int, int]:
    if len(values) != 2 or max(values) > MAX_ID:
        raise tokens.BadToken("not a token")
    return values[0], values[1]
