"""The recipients of a mailing for a token: which email is in which state, and why; not open to partners."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.i18n import N_
from petition.core.ids import MAX_ID
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.delivery.models import STATES, Delivery
from petition.integrations.api.mailings import find_mailing
from petition.mailings import recipients
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "recipients_api", __name__, url_prefix="/api/v1/mailings/<int:number>/recipients",
    description="Recipients of a mailing for a token",
)  # fmt: skip


class RecipientSchema(ma.Schema):
    """An email of a mailing. Without `signature`, whoever it went to was erased."""

    id = ma.fields.Integer(required=True, metadata={"description": N_("of the email")})
    signature = ma.fields.Integer(required=True, allow_none=True)
    name = ma.fields.String(required=True, allow_none=True)
    email = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    cause = ma.fields.String(
        required=True, metadata={"description": N_("the same for all failures of a kind, such as “550 5.1.1”")}
    )
    reason = ma.fields.String(
        required=True, allow_none=True, metadata={"description": N_("what the mail server answered")}
    )
    attempts = ma.fields.Integer(required=True)
    settled_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class RecipientsSchema(ma.Schema):
    """A page, oldest first; pass `next` as `after` for the page that follows."""

    items = ma.fields.List(ma.fields.Nested(RecipientSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class RecipientsQuery(ma.Schema):
    """Which page."""

    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    after = ma.fields.Integer(
        validate=validate.Range(1, MAX_ID), metadata={"description": N_("the “next” of the previous page")}
    )


class RecipientSearchSchema(ma.Schema):
    """Whom to find. In the body, as addresses must not be in a URL."""

    email = ma.fields.String(required=True, validate=validate.Length(1, 320))


EXAMPLE = {
    "id": 812, "signature": 610, "name": "Zoé Martin", "email": "zoe@example.org", "state": "failed",
    "cause": "550 5.1.1", "reason": "550 5.1.1 no such user", "attempts": 1,
    "settled_at": "2022-10-10T10:00:05+00:00",
}  # fmt: skip


def _represent(row: Any) -> dict[str, Any]:
    """Return a row of `recipients`: (delivery, name, address, signature's id)."""
    delivery: Delivery = row[0]
    return {
        "id": delivery.id, "signature": row[3], "name": row[1], "email": row[2], "state": delivery.state,
        "cause": delivery.cause, "reason": delivery.reason, "attempts": delivery.attempt,
        "settled_at": delivery.settled_at,
    }  # fmt: skip


@blueprint.route("")
class Recipients(MethodView):
    """The recipients in a state."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.arguments(RecipientsQuery(), location="query")
    @blueprint.response(200, RecipientsSchema(), example={"items": [EXAMPLE], "next": 812})
    @document_problems(blueprint, 404, 422)
    @document_operation(blueprint, "list_recipients", 200, N_("List the recipients of a mailing that are in a state."))
    def get(self, query: dict[str, Any], number: int) -> dict[str, Any]:
        """List the recipients of a mailing that are in a state."""
        page = recipients.list_page(find_mailing(number).id, query["state"], query.get("after"))
        return {"items": [_represent(row) for row in page.items], "next": int(page.next) if page.next else None}


@blueprint.route("/search")
class RecipientSearch(MethodView):
    """The recipients with an address."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.arguments(RecipientSearchSchema(), example={"email": "zoe@example.org"})
    @blueprint.response(200, RecipientSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "find_recipients", 200, N_("Find the recipients of a mailing with an address."))
    def post(self, body: dict[str, Any], number: int) -> list[dict[str, Any]]:
        """Find the recipients of a mailing with an address. Changes nothing."""
        return [_represent(row) for row in recipients.find_by_address(find_mailing(number).id, body["email"])]
