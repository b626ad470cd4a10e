"""Signatures for a token: those that may be passed on; and, as on the desk, search, show, act."""

from typing import Any

from flask.views import MethodView
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import N_
from petition.core.ids import find_by_id
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.core.pagination import make_page, select_page
from petition.integrations.api.signature_schemas import (
    EXAMPLE_ONE,
    EXAMPLE_SIGNATURE,
    EXAMPLE_SIGNER,
    FoundSchema,
    OneSignatureSchema,
    PageQuery,
    SignatureActionSchema,
    SignatureSearchSchema,
    SignersSchema,
)
from petition.petitions import queries as petition_queries
from petition.signatures.models import Signature
from petition.signatures.passing_on import represent_signer, select_passed_on
from petition.signatures.representation import represent_history, represent_signature
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.search import search
from petition.signatures.staff.actions import list_allowed_actions, perform_action
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "signatures_for_tokens_api", __name__, url_prefix="/api/v1", description="Signatures for a token"
)


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
        require_petition_of(criteria)
        page = search(criteria, before, limit)
        audit.record("signature.searched", "signature", None, after={"by": sorted(criteria.criteria())})
        db.session.commit()
        return {
            "items": [represent_signature(row) for row in page.items],
            "number": page.total,
            "next": int(page.next) if page.next else None,
        }


def require_petition_of(criteria: Filter) -> None:
    """Raise or abort unless a search is for the petition of the token, if it is for one."""
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
    signature = find_by_id(Signature, number, with_for_update=lock_of)
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
