"""Signatures for a token: those that may be passed on; and, as on the desk, search, show, act."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.core.pagination import MAX_ID, make_page, select_page
from petition.petitions import queries as petition_queries
from petition.signatures.models import PARTIES, STATES, Signature
from petition.signatures.passing_on import represent_signer, select_passed_on
from petition.signatures.representation import represent_history, represent_signature
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.search import search
from petition.signatures.staff.actions import AUDIT_ACTIONS, list_allowed_actions, perform_action
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_PAGE_SIZE = 500
blueprint = ApiBlueprint(
    "signatures_for_tokens_api", __name__, url_prefix="/api/v1", description="Signatures for a token"
)


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
    words = ma.fields.String(required=True, allow_none=True)


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


class SignatureSearchSchema(PageQuery):
    """What to find; what is left out matches all. In the body, as names and addresses must not be in a URL."""

    petition = ma.fields.String(metadata={"description": N_("its slug")})
    name = ma.fields.String(metadata={"description": N_("words of a name or organisation, or how they begin")})
    email = ma.fields.String(metadata={"description": N_("the whole address, or how it begins")})
    profession = ma.fields.String(metadata={"description": N_("how it begins")})
    state = ma.fields.String(validate=validate.OneOf(STATES))
    party = ma.fields.String(validate=validate.OneOf(PARTIES))
    domain = ma.fields.String(metadata={"description": N_("mail domain, such as example.org")})
    network = ma.fields.String(metadata={"description": N_("an IP address, or # and the number of a signature")})
    created_since = ma.fields.Date(metadata={"description": N_("a day, in UTC")})
    created_until = ma.fields.Date(metadata={"description": N_("a day, included")})
    confirmed_since = ma.fields.Date(metadata={"description": N_("a day, in UTC")})
    confirmed_until = ma.fields.Date(metadata={"description": N_("a day, included")})


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
    "history": [{"at": "2022-09-28T09:58:00+00:00", "what": "Signed.", "words": None}],
    "actions": ["resend", "correct", "withdraw", "invalidate"],
}  # fmt: skip


@blueprint.route("/petitions/<slug>/signatures")
class PassedOnSignatures(MethodView):
    """Those who agreed to be passed on."""

    @require_scope(blueprint, Scope.SIGNATURES_READ)
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, SignersSchema(), example={"items": [EXAMPLE_SIGNER], "next": None})
    @document_problems(blueprint, 404, 422)
    @document_operation(
        blueprint, "list_passed_on", 200, N_("List the confirmed signatures of those who agreed to be passed on.")
    )
    def get(self, query: dict[str, Any], slug: str) -> dict[str, Any]:
        """List the confirmed signatures of those who agreed to be passed on."""
        petition = petition_queries.find_by_slug(slug)
        require_petition(petition.id)
        found = select_passed_on(petition)
        limit = query["limit"]
        rows = db.session.scalars(select_page(found, Signature.id, cursor=query.get("before"), limit=limit)).all()
        page = make_page(rows, limit, key=lambda signature: signature.id)
        audit.record("signatures.read", "petition", slug, after={"rows": len(page.items)})
        db.session.commit()
        items = [
            {"id": row.id, **represent_signer(row), "confirmed_at": row.confirmed_at and row.confirmed_at.isoformat()}
            for row in page.items
        ]
        return {"items": items, "next": int(page.next) if page.next else None}


@blueprint.route("/signatures/search")
class Search(MethodView):
    """The search of the desk."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(
        SignatureSearchSchema(), example={"petition": "internet-en-prison", "state": "pending", "limit": 100}
    )
    @blueprint.response(200, FoundSchema(), example={"items": [EXAMPLE_SIGNATURE], "number": 1, "next": None})
    @document_problems(blueprint, 400, 413, 422)
    @document_operation(blueprint, "search_signatures", 200, N_("Find signatures, as on the desk."))
    def post(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Find signatures, as on the desk. Changes nothing but the audit trail."""
        before, limit = fields.pop("before", None), fields.pop("limit")
        criteria = parse_filter({name: str(value) for name, value in fields.items()})
        _require_petition_of(criteria)
        page = search(criteria, before, limit)
        audit.record("signature.searched", "signature", None, after={"by": sorted(criteria.criteria())})
        db.session.commit()
        return {
            "items": [represent_signature(row) for row in page.items],
            "number": page.total,
            "next": int(page.next) if page.next else None,
        }


def _require_petition_of(criteria: Filter) -> None:
    if current_token().petition_id is not None:
        slug = criteria.petition
        if slug is None:
            raise ValidationError({"petition": _("This token is for one petition: name it.")})
        require_petition(petition_queries.find_by_slug(slug).id)


@blueprint.route("/signatures/<int:number>")
class OneSignature(MethodView):
    """One signature."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, OneSignatureSchema(), example=EXAMPLE_ONE)
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "show_signature", 200, N_("Return a signature with its history, and what may be done to it.")
    )
    def get(self, number: int) -> dict[str, Any]:
        """Return a signature with its history, and what may be done to it; recorded in the audit trail."""
        signature = _get_signature(number)
        audit.record("signature.viewed", "signature", number)
        db.session.commit()
        return _represent(signature)


@blueprint.route("/signatures/<int:number>/actions")
class SignatureActions(MethodView):
    """What the team does to one signature."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(SignatureActionSchema(), example={"action": "invalidate", "reason": "signed by a machine"})
    @blueprint.response(200, OneSignatureSchema(), example=EXAMPLE_ONE)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(blueprint, "act_on_signature", 200, N_("Act on a signature, as on the desk."))
    def post(self, fields: dict[str, Any], number: int) -> Any:
        """Act on a signature, as on the desk."""
        signature = _get_signature(number, lock=True)
        shown = _represent(signature)
        perform_action(fields["action"], signature, fields)
        db.session.commit()
        if fields["action"] == "erase":
            return shown | {"actions": []}
        return _represent(signature)


def _get_signature(number: int, *, lock: bool = False) -> Signature:
    lock_of = {"of": Signature} if lock else None
    signature = db.session.get(Signature, number, with_for_update=lock_of) if 0 < number <= MAX_ID else None
    if signature is None:
        raise NotFound
    require_petition(signature.petition_id)
    return signature


def _represent(signature: Signature) -> dict[str, Any]:
    return {
        **represent_signature(signature),
        "history": represent_history(signature),
        "actions": list(list_allowed_actions(signature)),
    }
