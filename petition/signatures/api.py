"""The JSON API of signatures: sign, confirm, list."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import marshmallow as ma
from flask import Response, current_app, jsonify
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.assets import public_url_for
from petition.core.exceptions import ValidationError
from petition.core.i18n import N_
from petition.core.openapi import (
    ACCESS_PUBLIC,
    SLUG_LINK_PARAMETERS,
    ApiBlueprint,
    document_operation,
    document_problems,
    problem_response,
)
from petition.petitions.views.cors import allow_listed_sites
from petition.petitions.views.public import get_public_or_404
from petition.safeguards.honeypot import FIELD_NAME, is_filled
from petition.safeguards.rate_limits import (
    limit_signing,
    limit_token_posts,
    network_hashes,
    stored_network_hash,
)
from petition.signatures.challenges import FIELD_NAME as ALTCHA
from petition.signatures.challenges import MAX_SOLUTION_CHARACTERS, make_challenge, use_solution
from petition.signatures.code_handles import MAX_HANDLE_CHARACTERS, NOBODY, make_handle, seal
from petition.signatures.codes import MAX_TYPED_CHARACTERS, UnreadDetails, WrongCode, confirm_by_code
from petition.signatures.confirm import ConfirmationClosed, SignatureEnded, confirm
from petition.signatures.links import ExpiredLink, UnknownLink
from petition.signatures.models import PARTIES
from petition.signatures.presses import Press
from petition.signatures.public_list import list_signatories
from petition.signatures.sign import PetitionClosed, sign
from petition.signatures.validation import validate_details
from petition.signatures.withheld import CHOICES
from petition.team.api_tokens.access import SECURITY_SCHEME, authenticate, has_token, require_petition
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_PUBLIC
ACCEPTED = "check your email"
# The type of the problem that a petition asks for a proof of work (RFC 9457; docs/embedding.md).
CHALLENGE_REQUIRED = "/api/v1/docs#challenge-required"
blueprint = ApiBlueprint("signatures_api", __name__, url_prefix="/api/v1", description="Sign, confirm, list")
allow_listed_sites(blueprint)


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


def _name_wordings(wordings: dict[str, str]) -> dict[str, str]:
    """Return the wordings that were shown, under the names that the page's form has for them; no other field."""
    names = {"updates": "wording", "passed_on": "passing_on_wording"}
    names |= {field: f"wording_{field.removeprefix('news_')}" for field in wordings if field.startswith("news_")}
    return {names[field]: digest for field, digest in wordings.items() if field in names}


def _accepted(handle: str | None = None) -> Response:
    if handle is not None:
        return current_app.make_response((jsonify(status=ACCEPTED, handle=handle), 202))
    return current_app.response_class(f'{{"status":"{ACCEPTED}"}}\n', 202, mimetype="application/json")


def _limit_signing_or_check_token(view: Callable[..., Any]) -> Callable[..., Any]:
    """Limit signing by the client's network; with a token, by the token, which needs the scope for it."""
    limited = limit_signing(view)

    @wraps(view)
    def checked_view(*args: Any, **kwargs: Any) -> Any:
        if not has_token():
            return limited(*args, **kwargs)
        authenticate(Scope.SIGNATURES_WRITE)
        return view(*args, **kwargs)

    return checked_view


@blueprint.route("/petitions/<slug>/signatures")
class Signatures(MethodView):
    """The signatures of a petition."""

    init_every_request = False
    decorators: ClassVar = [_limit_signing_or_check_token]

    @blueprint.arguments(SignSchema(), example=EXAMPLE_SIGNATURE)
    @blueprint.response(202, AcceptedSchema, example={"status": ACCEPTED})
    @document_problems(blueprint, 400, 401, 403, 404, 410, 413, 422, 429)
    @blueprint.doc(security=[{}, {SECURITY_SCHEME: [Scope.SIGNATURES_WRITE.value]}])
    @document_operation(
        blueprint,
        "sign",
        202,
        N_("Sign: the address gets a link by email, and the signature counts once that was followed."),
        confirm={},
        show_petition=SLUG_LINK_PARAMETERS,
        count=SLUG_LINK_PARAMETERS,
        list_signatories=SLUG_LINK_PARAMETERS,
    )
    def post(self, fields: dict[str, Any], slug: str) -> Any:
        """Sign: the address gets a link by email, and the signature counts once that was followed."""
        petition = get_public_or_404(slug)
        if has_token():
            require_petition(petition.id)
        if is_filled(fields):
            return _accepted(seal(NOBODY) if fields.get("with_handle") else None)
        try:
            details = validate_details(petition, fields | _name_wordings(fields.get("wordings") or {}))
            is_asked = petition.is_open and petition.asks_challenge and not has_token()
            if is_asked and not use_solution(petition.id, fields.get(ALTCHA)):
                return _ask_for_challenge(slug)
            sign(petition, details, "api", None if has_token() else stored_network_hash())
        except PetitionClosed as error:
            return problem_response(422, str(error))
        except ValidationError as error:
            return problem_response(422, _("Some fields need another look."), error.errors)
        return _accepted(make_handle(petition.id, details) if fields.get("with_handle") else None)


def _ask_for_challenge(slug: str) -> Response:
    """Answer that the petition asks for a proof of work, and where to get a challenge."""
    message = _("This petition asks for a proof of work now: get a challenge, solve it, send its solution as altcha.")
    return problem_response(
        422,
        message,
        {ALTCHA: message},
        type=CHALLENGE_REQUIRED,
        challenge=public_url_for("signatures_api.Challenges", slug=slug),
    )


@blueprint.route("/petitions/<slug>/challenge")
class Challenges(MethodView):
    """Proofs of work."""

    @blueprint.response(200, ChallengeSchema, example=EXAMPLE_CHALLENGE)
    @document_problems(blueprint, 404, 410)
    @document_operation(
        blueprint, "challenge", 200, N_("Get a challenge, in ALTCHA's format; its solution is valid once."),
        sign=SLUG_LINK_PARAMETERS,
    )  # fmt: skip
    def get(self, slug: str) -> Any:
        """Get a challenge, in ALTCHA's format; its solution is valid once."""
        return make_challenge(get_public_or_404(slug).id)


@blueprint.route("/confirmations")
class Confirmations(MethodView):
    """The following of links, and the typing of codes."""

    decorators: ClassVar = [limit_token_posts]

    @blueprint.arguments(ConfirmSchema(), example={"token": "AQE.awl47A.ZeXIGjzbhGgo8Z17xGafrg"})
    @blueprint.response(200, ConfirmedSchema, example={"status": "confirmed"})
    @document_problems(blueprint, 400, 404, 409, 410, 413, 422, 429)
    @document_operation(
        blueprint,
        "confirm",
        200,
        N_("Confirm a signature by its token, or by its handle and code, once; again answers the same."),
        list_petitions={},
    )
    def post(self, fields: dict[str, Any]) -> Any:
        """Confirm a signature by its token, or by its handle and code, once; again answers the same."""
        try:
            if "token" in fields:
                confirm(fields["token"], press=Press(network_hashes()))
            else:
                confirm_by_code(fields["handle"], fields["code"], network_hashes())
        except (UnknownLink, WrongCode) as error:
            return problem_response(404, str(error))
        except UnreadDetails as error:
            return problem_response(409, str(error))
        except (ExpiredLink, ConfirmationClosed, SignatureEnded) as error:
            return problem_response(410, str(error))
        return {"status": "confirmed"}


@blueprint.route("/petitions/<slug>/signatories")
class Signatories(MethodView):
    """The public list."""

    @blueprint.arguments(SignatoriesQuery(), location="query")
    @blueprint.response(200, SignatoriesSchema, example=EXAMPLE_SIGNATORIES)
    @document_problems(blueprint, 404, 410, 422)
    @document_operation(
        blueprint,
        "list_signatories",
        200,
        N_("List those who agreed to be named, newest first."),
        list_signatories={**SLUG_LINK_PARAMETERS, "after": "$response.body#/next"},
    )
    def get(self, query: dict[str, Any], slug: str) -> Any:
        """List those who agreed to be named, newest first."""
        petition = get_public_or_404(slug)
        headers = {} if petition.list_indexed else {"X-Robots-Tag": "noindex"}
        try:
            page = list_signatories(petition, query.get("after"), query["limit"], query.get("party"))
            return page, 200, headers
        except ValidationError as error:
            return problem_response(422, None, error.errors)
