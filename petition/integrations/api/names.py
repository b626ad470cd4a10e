"""Names to review for a token: those that wait, decisions about them, and taking a decision back."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.i18n import N_
from petition.core.ids import MAX_ID
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.signatures.models import ReviewState
from petition.signatures.review import decisions, queue
from petition.team.api_tokens.access import ACCESS_TOKEN, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
CHOICES = {"show": ReviewState.APPROVED, "hide": ReviewState.REJECTED}
blueprint = ApiBlueprint("names_api", __name__, url_prefix="/api/v1/names", description="Names to review for a token")


class NameSchema(ma.Schema):
    """A name that waits: why it is on the list, and what readers said of it."""

    id = ma.fields.Integer(required=True, metadata={"description": N_("of the signature")})
    petition = ma.fields.String(required=True)
    party = ma.fields.String(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    organisation = ma.fields.String(required=True, allow_none=True)
    profession = ma.fields.String(required=True, allow_none=True)
    flags = ma.fields.List(ma.fields.String(), required=True)
    reports = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    fingerprint = ma.fields.String(required=True, metadata={"description": N_("of what it was when it was read")})


class NamesSchema(ma.Schema):
    """A page, those confirmed first; pass `next` as `after` for the page that follows."""

    items = ma.fields.List(ma.fields.Nested(NameSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class NamesQuery(ma.Schema):
    """Which page."""

    after = ma.fields.Integer(
        validate=validate.Range(1, MAX_ID), metadata={"description": N_("the “next” of the previous page")}
    )


class DecidedNameSchema(ma.Schema):
    """A name as it was read."""

    id = ma.fields.Integer(required=True, validate=validate.Range(1, MAX_ID))
    fingerprint = ma.fields.String(required=True, validate=validate.Length(1, 100))


class NameDecisionSchema(ma.Schema):
    """Whether names are shown. One that changed since it was read is left as it is."""

    choice = ma.fields.String(required=True, validate=validate.OneOf(tuple(CHOICES)))
    names = ma.fields.List(
        ma.fields.Nested(DecidedNameSchema), required=True, validate=validate.Length(1, queue.PAGE_SIZE)
    )


class DecidedSchema(ma.Schema):
    """How many were decided, and how many had changed meanwhile."""

    decided = ma.fields.Integer(required=True)
    changed = ma.fields.Integer(required=True)


class LatestDecisionSchema(ma.Schema):
    """A decision; `id` takes it back."""

    id = ma.fields.Integer(required=True)
    signature = ma.fields.Integer(required=True, allow_none=True)
    choice = ma.fields.String(required=True, validate=validate.OneOf(tuple(CHOICES)))
    at = ma.fields.AwareDateTime(required=True)


EXAMPLE_NAME = {
    "id": 610, "petition": "internet-en-prison", "party": "person", "name": "Zoé Martin", "organisation": None,
    "profession": "Avocate", "flags": ["capitals"], "reports": {"not_me": 1}, "fingerprint": "c2FsdA",
}  # fmt: skip
EXAMPLE_DECISION = {"id": 92, "signature": 610, "choice": "show", "at": "2022-10-01T18:00:00+00:00"}


def _represent(name: queue.NameToReview) -> dict[str, Any]:
    row = name.signature
    values = {field: getattr(row, field) for field in ("id", "party", "name", "organisation", "profession")}
    return values | {
        "petition": row.petition.slug, "flags": [str(flag) for flag in name.flags], "reports": dict(name.reports),
        "fingerprint": name.fingerprint,
    }  # fmt: skip


@blueprint.route("")
class Names(MethodView):
    """The names that wait."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(NamesQuery(), location="query")
    @blueprint.response(200, NamesSchema(), example={"items": [EXAMPLE_NAME], "next": None})
    @document_problems(blueprint, 422)
    @document_operation(blueprint, "list_names", 200, N_("List the names to review, of all petitions."))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the names to review, of all petitions."""
        require_petition(None)
        page = queue.list_names(query.get("after"))
        return {"items": [_represent(name) for name in page.items], "next": int(page.next) if page.next else None}


@blueprint.route("/decisions")
class NameDecisions(MethodView):
    """Decisions about names."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, LatestDecisionSchema(many=True), example=[EXAMPLE_DECISION])
    @document_operation(blueprint, "list_name_decisions", 200, N_("List the latest decisions about names."))
    def get(self) -> list[dict[str, Any]]:
        """List the latest decisions about names."""
        require_petition(None)
        words = {action: "show" if state == ReviewState.APPROVED else "hide"
                 for state, action in decisions.AUDIT_ACTIONS.items()}  # fmt: skip
        return [
            {
                "id": one.event.id, "signature": one.signature.id if one.signature else None,
                "choice": words[one.event.action], "at": one.event.at,
            }
            for one in decisions.list_latest()
        ]  # fmt: skip

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(
        NameDecisionSchema(), example={"choice": "show", "names": [{"id": 610, "fingerprint": "c2FsdA"}]}
    )
    @blueprint.response(200, DecidedSchema(), example={"decided": 1, "changed": 0})
    @document_problems(blueprint, 400, 413, 422)
    @document_operation(blueprint, "decide_names", 200, N_("Show names in the public list, or not."))
    def post(self, body: dict[str, Any]) -> dict[str, int]:
        """Show names in the public list, or not."""
        require_petition(None)
        shown = [decisions.Shown(one["id"], one["fingerprint"]) for one in body["names"]]
        decided, changed = decisions.decide_many(shown, CHOICES[body["choice"]])
        db.session.commit()
        return {"decided": decided, "changed": changed}


@blueprint.route("/decisions/<int:number>")
class OneNameDecision(MethodView):
    """A decision about a name."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 409)
    @document_operation(
        blueprint, "undo_name_decision", 204, N_("Take the latest decision about a name back; 409 if it changed since.")
    )
    def delete(self, number: int) -> None:
        """Take the latest decision about a name back; 409 if it changed since."""
        require_petition(None)
        decisions.undo(number)
        db.session.commit()
