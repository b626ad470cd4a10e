"""Partners of a petition for a token: who shares it, with which role and wording of its checkbox."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.petitions.partners import editing
from petition.petitions.partners.models import PARTNER_ROLES, Partnership
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "partnerships_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/partners",
    description="Partners of a petition for a token",
)  # fmt: skip


def _wordings(**options: Any) -> Any:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(LANGUAGES)), values=ma.fields.String(), **options
    )


class PartnershipSchema(ma.Schema):
    """A partner's part in a petition."""

    id = ma.fields.Integer(required=True)
    partner = ma.fields.String(required=True, metadata={"description": N_("its key in links")})
    name = ma.fields.String(required=True)
    role = ma.fields.String(required=True, validate=validate.OneOf(PARTNER_ROLES))
    wording = _wordings(required=True)
    joined_at = ma.fields.AwareDateTime(required=True)
    left_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class NewPartnershipSchema(ma.Schema):
    """Who becomes a partner."""

    partner = ma.fields.String(required=True, metadata={"description": N_("its key in links")})
    role = ma.fields.String(required=True, validate=validate.OneOf(PARTNER_ROLES))


class PartnershipChangeSchema(ma.Schema):
    """What changes; a language that is left out stays, an empty text is for our words."""

    role = ma.fields.String(validate=validate.OneOf(PARTNER_ROLES))
    wording = _wordings()


EXAMPLE: dict[str, Any] = {
    "id": 4, "partner": "oip", "name": "Observatoire", "role": "sender", "wording": {},
    "joined_at": "2022-09-01T10:00:00+00:00", "left_at": None,
}  # fmt: skip


def _represent(row: Partnership) -> dict[str, Any]:
    return {
        "id": row.id, "partner": row.partner.key, "name": row.partner.name, "role": row.role, "wording": row.texts,
        "joined_at": row.joined_at, "left_at": row.left_at,
    }  # fmt: skip


@blueprint.route("")
class Partnerships(MethodView):
    """The partners of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, PartnershipSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_partners", 200, N_("List the partners of a petition, those who left it last."))
    def get(self, slug: str) -> list[dict[str, Any]]:
        """List the partners of a petition, those who left it last."""
        return [_represent(row) for row in editing.list_partnerships(find_petition(slug))]

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.arguments(NewPartnershipSchema(), example={"partner": "oip", "role": "sender"})
    @blueprint.response(201, PartnershipSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(blueprint, "add_partner", 201, N_("Make an organisation a partner of a petition."))
    def post(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Make an organisation a partner of a petition."""
        petition = find_petition(slug, lock=True)
        numbers = {partner.key: partner.id for partner in editing.list_partners()}
        partnership = editing.join(petition, editing.find_partner(numbers.get(body["partner"], 0)), body["role"])
        db.session.commit()
        return _represent(partnership)


@blueprint.route("/<int:number>")
class OnePartnership(MethodView):
    """One partner of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.arguments(PartnershipChangeSchema(), example={"role": "editor"})
    @blueprint.response(200, PartnershipSchema(), example=EXAMPLE | {"role": "editor"})
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(
        blueprint, "change_partner", 200, N_("Change a partner’s role, and the wording of its checkbox.")
    )
    def patch(self, body: dict[str, Any], slug: str, number: int) -> dict[str, Any]:
        """Change a partner’s role, and the wording of its checkbox."""
        petition = find_petition(slug, lock=True)
        partnership = editing.find_partnership(petition, number)
        if "role" in body:
            editing.set_role(petition, partnership, body["role"])
        if "wording" in body:
            texts = {language: text.replace("\0", "") for language, text in body["wording"].items()}
            editing.set_wording(petition, partnership, dict.fromkeys(LANGUAGES, "") | partnership.texts | texts)
        db.session.commit()
        return _represent(partnership)

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "end_partnership", 204, N_("End a partnership: the petition is closed to it."))
    def delete(self, slug: str, number: int) -> None:
        """End a partnership: the petition is closed to it."""
        petition = find_petition(slug, lock=True)
        editing.leave(petition, editing.find_partnership(petition, number))
        db.session.commit()
