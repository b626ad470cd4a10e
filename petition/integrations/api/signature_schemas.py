"""Schemas of signatures for a token, with their examples."""

from typing import Any

import marshmallow as ma
from marshmallow import validate

from petition.core.i18n import N_
from petition.core.ids import MAX_ID
from petition.signatures.models import PARTIES, STATES
from petition.signatures.staff.actions import AUDIT_ACTIONS

MAX_PAGE_SIZE = 500


def _texts(*names: str) -> dict[str, ma.fields.Field[Any]]:
    return {name: ma.fields.String(required=True, allow_none=True) for name in names}


SIGNER_FIELDS: dict[str, Any] = {
    "party": ma.fields.String(required=True, validate=validate.OneOf(PARTIES)),
    **_texts("name", "organisation", "email", "profession", "city", "postal_code", "country", "locale"),
    "updates": ma.fields.Boolean(required=True),
}
# Strings, as the commands print them: an empty one stands for what was erased.
SignerSchema = ma.Schema.from_dict(
    {"id": ma.fields.Integer(required=True), **SIGNER_FIELDS, **_texts("confirmed_at")}, name="SignerSchema"
)
SignatureSchema = ma.Schema.from_dict(
    {
        "id": ma.fields.Integer(required=True),
        **SIGNER_FIELDS,
        "petition": ma.fields.String(required=True),
        "state": ma.fields.String(required=True, validate=validate.OneOf(STATES)),
        "listed": ma.fields.Boolean(required=True),
        "passed_on": ma.fields.Boolean(required=True),
        **_texts("source", "created_at", "confirmed_at", "ended_at", "named_when", "named_at"),
        "named_from": ma.fields.Integer(required=True, allow_none=True),
    },
    name="SignatureSchema",
)


class SignatureHistorySchema(ma.Schema):
    """Something that happened to a signature."""

    at = ma.fields.String(required=True)
    what = ma.fields.String(required=True)
    detail = ma.fields.String(required=True, allow_none=True)


class OneSignatureSchema(SignatureSchema):  # type: ignore[misc, valid-type]
    """A signature with its history, and what may be done to it now."""

    history = ma.fields.List(ma.fields.Nested(SignatureHistorySchema), required=True)
    actions = ma.fields.List(ma.fields.String(), required=True)


class SignersSchema(ma.Schema):
    """A page, newest first; pass `next` as `before` for the page that follows."""

    items = ma.fields.List(ma.fields.Nested(SignerSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class FoundSchema(ma.Schema):
    """A page of what was found, newest first. `number` is null for more than a thousand."""

    items = ma.fields.List(ma.fields.Nested(SignatureSchema), required=True)
    number = ma.fields.Integer(required=True, allow_none=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class PageQuery(ma.Schema):
    """Which page."""

    before = ma.fields.Integer(
        validate=validate.Range(1, MAX_ID), metadata={"description": N_("the “next” of the previous page")}
    )
    limit = ma.fields.Integer(load_default=100, validate=validate.Range(1, MAX_PAGE_SIZE))


class SignatureFilterSchema(ma.Schema):
    """What to find; what is left out matches all."""

    petition = ma.fields.String(metadata={"description": N_("its slug")})
    name = ma.fields.String(metadata={"description": N_("words of a name or organisation, or how they begin")})
    email = ma.fields.String(metadata={"description": N_("the whole address, or how it begins")})
    profession = ma.fields.String(metadata={"description": N_("how it begins")})
    city = ma.fields.String(metadata={"description": N_("how it begins")})
    state = ma.fields.String(validate=validate.OneOf(STATES))
    party = ma.fields.String(validate=validate.OneOf(PARTIES))
    domain = ma.fields.String(metadata={"description": N_("mail domain, such as example.org")})
    network = ma.fields.String(metadata={"description": N_("an IP address, or # and the number of a signature")})
    created_since = ma.fields.Date(metadata={"description": N_("a day, in UTC")})
    created_until = ma.fields.Date(metadata={"description": N_("a day, included")})
    confirmed_since = ma.fields.Date(metadata={"description": N_("a day, in UTC")})
    confirmed_until = ma.fields.Date(metadata={"description": N_("a day, included")})


class SignatureSearchSchema(PageQuery, SignatureFilterSchema):
    """What to find, page by page. In the body, as names and addresses must not be in a URL."""


class SignatureActionSchema(ma.Schema):
    """What to do, with what the action asks for: a reason, a new address, or corrected details."""

    action = ma.fields.String(required=True, validate=validate.OneOf(tuple(AUDIT_ACTIONS)))
    reason = ma.fields.String(metadata={"description": N_("it stays in the audit trail: no name and no address")})
    email = ma.fields.String(metadata={"description": N_("of change_address: the new one")})
    name = ma.fields.String()
    organisation = ma.fields.String()
    profession = ma.fields.String()
    city = ma.fields.String()
    postal_code = ma.fields.String()
    country = ma.fields.String()


EXAMPLE_SIGNER = {
    "id": 610, "party": "person", "name": "Zoé Martin", "organisation": None, "email": "zoe@example.org",
    "profession": "Avocate", "city": "Lyon", "postal_code": "69001", "country": "FR", "locale": "fr", "updates": True,
    "confirmed_at": "2022-09-28T10:00:00+00:00",
}  # fmt: skip
EXAMPLE_SIGNATURE = EXAMPLE_SIGNER | {
    "petition": "internet-en-prison", "state": "confirmed", "listed": True, "passed_on": False, "source": "page",
    "created_at": "2022-09-28T09:58:00+00:00", "ended_at": None,
    "named_when": None, "named_from": None, "named_at": None,
}  # fmt: skip
EXAMPLE_ONE = EXAMPLE_SIGNATURE | {
    "history": [{"at": "2022-09-28T09:58:00+00:00", "what": "Signed.", "detail": None}],
    "actions": ["resend", "correct", "withdraw", "invalidate"],
}  # fmt: skip
