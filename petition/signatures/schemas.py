"""Schemas of the API of signatures, with examples."""

from typing import Any

import marshmallow as ma
from marshmallow import validate

from petition.core.i18n import N_
from petition.safeguards.honeypot import FIELD_NAME
from petition.signatures.abuse.challenges import MAX_SOLUTION_CHARACTERS
from petition.signatures.confirmation_codes.code_handles import MAX_HANDLE_CHARACTERS
from petition.signatures.confirmation_codes.codes import MAX_TYPED_CHARACTERS
from petition.signatures.listing.withheld import CHOICES
from petition.signatures.models import PARTIES

ACCEPTED = "check your email"


def _text(description: str, **kwargs: Any) -> ma.fields.String:
    return ma.fields.String(allow_none=True, metadata={"description": description}, **kwargs)


class SignSchema(ma.Schema):
    """A signature. Which optional fields count is up to the petition (`asks`)."""

    class Meta:
        unknown = ma.EXCLUDE

    party = ma.fields.String(validate=validate.OneOf(PARTIES), metadata={"default": "person"})
    name = _text(N_("the person's name, or the representative's"), required=True)
    organisation = _text(N_("required when an organisation signs"))
    email = _text(N_("where the link goes"), required=True)
    profession = _text(N_("profession or role"))
    city = _text(N_("town"))
    postal_code = _text(N_("postal code"))
    country = _text(N_("ISO 3166-1 alpha-2"))
    listed = ma.fields.Boolean(metadata={"description": N_("show the name in the public list"), "default": False})
    named_when = ma.fields.String(
        allow_none=True,
        validate=validate.OneOf(CHOICES),
        metadata={
            "description": N_(
                "in place of listed: when to show the name; once enough people have signed, in all or of the same "
                "profession, if the petition offers it (named_total, named_profession)"
            )
        },
    )
    updates = ma.fields.Boolean(metadata={"description": N_("receive the campaign's news"), "default": False})
    news = ma.fields.List(
        ma.fields.String(validate=validate.Length(1, 12)),
        validate=validate.Length(max=30),
        metadata={"description": N_("the partners whose news to receive, by the words in their links")},
    )
    passed_on = ma.fields.Boolean(
        metadata={"description": N_("agree to be passed on to whom the petition names"), "default": False}
    )
    wordings = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        validate=validate.Length(max=40),
        metadata={
            "description": N_("which words each ticked box had (see consents): signing fails where they have changed")
        },
    )
    locale = _text(N_("language of the emails, as two letters; else the browser's, else the site's own"))
    with_handle = ma.fields.Boolean(
        metadata={
            "description": N_("also answer a handle, to confirm by the code in the email"),
            "default": False,
        }
    )
    altcha = ma.fields.String(
        validate=validate.Length(max=MAX_SOLUTION_CHARACTERS),
        allow_none=True,
        metadata={"description": N_("the solution of a challenge, where an answer asks for it")},
    )
    website = ma.fields.String(data_key=FIELD_NAME, metadata={"description": N_("leave out")}, allow_none=True)


class AcceptedSchema(ma.Schema):
    """The same answer for every address."""

    status = ma.fields.String(required=True, validate=validate.Equal(ACCEPTED))
    handle = ma.fields.String(
        metadata={"description": N_("with with_handle: what the code in the email is sent with; valid as long as it")}
    )


class SignatorySchema(ma.Schema):
    """One signatory who agreed to be named."""

    party = ma.fields.String(required=True, validate=validate.OneOf(PARTIES))
    name = ma.fields.String(required=True)
    profession = ma.fields.String(required=True, allow_none=True)
    organisation = ma.fields.String(required=True, allow_none=True)
    confirmed_on = ma.fields.Date(required=True)


class SignatoriesSchema(ma.Schema):
    """A page of the public list, newest first; pass `next` as `after` for the page that follows."""

    items = ma.fields.List(ma.fields.Nested(SignatorySchema), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class SignatoriesQuery(ma.Schema):
    """Which page of the list."""

    after = ma.fields.String(
        validate=validate.Regexp(r"^[0-9]{1,18}$", error="Start without `after`, then follow `next`."),
        metadata={"description": N_("the “next” of the previous page")},
    )
    limit = ma.fields.Integer(load_default=100, validate=validate.Range(1, 500))
    party = ma.fields.String(validate=validate.OneOf(PARTIES))


class ConfirmSchema(ma.Schema):
    """The last part of the link in the email; or a handle, and the code in the same email."""

    class Meta:
        unknown = ma.EXCLUDE

    token = ma.fields.String(validate=validate.Length(1, 400))
    handle = ma.fields.String(
        validate=validate.Length(1, MAX_HANDLE_CHARACTERS),
        metadata={"description": N_("the handle that signing answered; then code is required, and token left out")},
    )
    code = ma.fields.String(
        validate=validate.Length(1, MAX_TYPED_CHARACTERS), metadata={"description": N_("the eight digits in the email")}
    )

    @ma.validates_schema
    def _require_one_way(self, data: dict[str, Any], **_options: Any) -> None:
        missing = [] if "token" in data else [name for name in ("handle", "code") if name not in data]
        if missing:
            # Today's clients know of tokens alone.
            names = missing if len(missing) == 1 else ["token"]
            raise ma.ValidationError({name: [ma.fields.Field.default_error_messages["required"]] for name in names})


class ConfirmedSchema(ma.Schema):
    """The signature counts."""

    status = ma.fields.String(required=True, validate=validate.Equal("confirmed"))


class ChallengeSchema(ma.Schema):
    """A challenge for ALTCHA's solvers (altcha.org)."""

    parameters = ma.fields.Dict(required=True)
    signature = ma.fields.String(required=True)


EXAMPLE_CHALLENGE = {
    "parameters": {
        "algorithm": "PBKDF2/SHA-256", "cost": 5000, "keyLength": 32, "nonce": "8f1d…", "salt": "1c27…",
        "keyPrefix": "a04e…", "keySignature": "77b0…", "expiresAt": 1664359200, "data": {"petition": 1},
    },
    "signature": "5ad3…",
}  # fmt: skip
EXAMPLE_SIGNATURE = {
    "party": "person", "name": "Zoé Martin", "email": "zoe@example.org", "profession": "Avocate", "city": "Lyon",
    "listed": True, "updates": False, "locale": "fr",
}  # fmt: skip
EXAMPLE_SIGNATORIES = {
    "items": [
        {"party": "person", "name": "Zoé Martin", "profession": "Avocate", "organisation": None,
         "confirmed_on": "2022-09-28"},
    ],
    "next": "610",
}  # fmt: skip
