"""The JSON API of signatures: sign, confirm, list."""

from typing import Any, ClassVar

import marshmallow as ma
from flask import Response, current_app, request
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.api import ACCESS_PUBLIC, SAME_SLUG, PetitionBlueprint, operation, problem, problem_responses
from petition.core.db import db
from petition.core.errors import Refusal
from petition.petitions.pages import visible
from petition.safeguards.throttle import address_was_busy, following, home_network, signing
from petition.safeguards.trap import FIELD, caught
from petition.signatures.confirm import TooLate, confirm, confirm_at_once
from petition.signatures.details import clean
from petition.signatures.links import Expired, NotOurs, by_confirm_token
from petition.signatures.listing import Page, signatories
from petition.signatures.models import CONFIRMED, PARTIES
from petition.signatures.pages import closed_words
from petition.signatures.sign import sign_at_once

ACCESS = ACCESS_PUBLIC
ACCEPTED = "check your email"
blueprint = PetitionBlueprint("signatures_api", __name__, url_prefix="/api/v1", description="Sign, confirm, list")


def _text(description: str, **kwargs: Any) -> ma.fields.String:
    return ma.fields.String(allow_none=True, metadata={"description": description}, **kwargs)


class SignSchema(ma.Schema):
    """A signature. Which optional fields count is up to the petition (`asks`)."""

    class Meta:
        unknown = ma.EXCLUDE

    party = ma.fields.String(validate=validate.OneOf(PARTIES), metadata={"default": "person"})
    name = _text("the person's name, or the representative's", required=True)
    organisation = _text("required when an organisation signs")
    email = _text("where the link goes", required=True)
    profession = _text("profession or role")
    city = _text("town")
    postal_code = _text("postal code")
    country = _text("ISO 3166-1 alpha-2")
    listed = ma.fields.Boolean(metadata={"description": "show the name in the public list", "default": False})
    updates = ma.fields.Boolean(metadata={"description": "receive the campaign's news", "default": False})
    locale = _text("language of the emails: fr or en")
    website = ma.fields.String(data_key=FIELD, metadata={"description": "leave out"}, allow_none=True)


class AcceptedSchema(ma.Schema):
    """The same answer for every address."""

    status = ma.fields.String(required=True, validate=validate.Equal(ACCEPTED))


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
        metadata={"description": "the next of the page before"},
    )
    limit = ma.fields.Integer(load_default=100, validate=validate.Range(1, 500))
    party = ma.fields.String(validate=validate.OneOf(PARTIES))


class TokenSchema(ma.Schema):
    """The last part of the link in the email."""

    class Meta:
        unknown = ma.EXCLUDE

    token = ma.fields.String(required=True, validate=validate.Length(1, 400))


class ConfirmedSchema(ma.Schema):
    """The signature counts."""

    status = ma.fields.String(required=True, validate=validate.Equal("confirmed"))


def typed_address() -> Any:
    """Return the address that a request signs with, before anything else of it is looked at."""
    try:
        body = request.get_json(silent=True)
    except (RecursionError, ValueError):
        return None
    return body.get("email") if isinstance(body, dict) else None


def _accepted() -> Response:
    return current_app.response_class(f'{{"status":"{ACCEPTED}"}}\n', 202, mimetype="application/json")


@blueprint.route("/petitions/<slug>/signatures")
class Signatures(MethodView):
    """The signatures of a petition."""

    init_every_request = False
    decorators: ClassVar = [signing(typed_address)]

    @blueprint.arguments(SignSchema())
    @blueprint.response(202, AcceptedSchema)
    @problem_responses(blueprint, 400, 404, 413, 422, 429)
    @operation(blueprint, "sign", 202, confirm={}, show_petition=SAME_SLUG, count=SAME_SLUG, list_signatories=SAME_SLUG)
    def post(self, fields: dict[str, Any], slug: str) -> Any:
        """Sign: the address gets a link by email, and the signature counts once that was followed."""
        petition = visible(slug)
        if caught(fields):
            return _accepted()
        try:
            details = clean(petition, fields)
            sign_at_once(petition, details, "api", home_network(), address_was_busy())
        except Refusal as refusal:
            db.session.rollback()
            if refusal.errors == {"form": "closed"}:
                return problem(422, closed_words())
            return problem(422, _("Some fields need another look."), refusal.errors)
        return _accepted()


@blueprint.route("/confirmations")
class Confirmations(MethodView):
    """The following of links."""

    decorators: ClassVar = [following]

    @blueprint.arguments(TokenSchema())
    @blueprint.response(200, ConfirmedSchema)
    @problem_responses(blueprint, 400, 404, 410, 413, 422, 429)
    @operation(blueprint, "confirm", 200, list_petitions={})
    def post(self, fields: dict[str, Any]) -> Any:
        """Confirm a signature by its token, once; again answers the same."""
        if confirm_at_once(fields["token"]):
            return {"status": "confirmed"}
        try:
            signature = by_confirm_token(fields["token"], lock=True)
            confirm(signature)
        except NotOurs:
            return problem(404, _("This is not one of our links. Please copy it whole from the email."))
        except Expired:
            return problem(410, _("This link has expired, or a newer one replaced it."))
        except TooLate:
            return problem(410, _("This has closed, and links sent before are no longer honoured."))
        db.session.commit()
        if signature.state != CONFIRMED:
            return problem(410, _("This signature was taken back, so the link no longer works."))
        return {"status": "confirmed"}


@blueprint.route("/petitions/<slug>/signatories")
class Signatories(MethodView):
    """The public list."""

    @blueprint.arguments(SignatoriesQuery(), location="query")
    @blueprint.response(200, SignatoriesSchema)
    @problem_responses(blueprint, 404, 422)
    @operation(blueprint, "list_signatories", 200, list_signatories={**SAME_SLUG, "after": "$response.body#/next"})
    def get(self, query: dict[str, Any], slug: str) -> Any:
        """List those who agreed to be named, newest first."""
        try:
            page: Page = signatories(visible(slug), query.get("after"), query["limit"], query.get("party"))
        except Refusal as refusal:
            return problem(422, None, refusal.errors)
        return page
