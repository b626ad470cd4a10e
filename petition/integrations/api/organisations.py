"""Organisations of a petition for a token: their order, short names, and merging duplicates, as on the desk."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.i18n import N_
from petition.core.ids import MAX_ID
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.signatures.models import Signature
from petition.signatures.staff import organisations
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_MERGED = 50
blueprint = ApiBlueprint(
    "organisations_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/organisations",
    description="Organisations of a petition for a token",
)  # fmt: skip


class OrganisationSchema(ma.Schema):
    """An organisation that signed. `position`: its place before those in the order of their names."""

    id = ma.fields.Integer(required=True, metadata={"description": N_("of the signature")})
    organisation = ma.fields.String(required=True, allow_none=True)
    logo_text = ma.fields.String(required=True, allow_none=True, metadata={"description": N_("its short name")})
    state = ma.fields.String(required=True)
    position = ma.fields.Integer(required=True, allow_none=True)
    merged_into = ma.fields.Integer(required=True, allow_none=True)


class OrganisationsSchema(ma.Schema):
    """Those with a position, in order; and a page of the others; pass `next` as `after` for the page that follows."""

    positioned = ma.fields.List(ma.fields.Nested(OrganisationSchema), required=True)
    items = ma.fields.List(ma.fields.Nested(OrganisationSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class OrganisationsQuery(ma.Schema):
    """Which page."""

    after = ma.fields.Integer(
        validate=validate.Range(1, MAX_ID), metadata={"description": N_("the “next” of the previous page")}
    )


class OrganisationChangeSchema(ma.Schema):
    """What changes: the place of an organisation, its short name, or that it was merged."""

    move = ma.fields.String(validate=validate.OneOf(organisations.MOVES))
    logo_text = ma.fields.String(metadata={"description": N_("an empty text for its name")})
    unmerge = ma.fields.Boolean(load_default=False)


class MergeSchema(ma.Schema):
    """Which organisations are one, and which of their signatures stays."""

    ids = ma.fields.List(
        ma.fields.Integer(validate=validate.Range(1, MAX_ID)), required=True, validate=validate.Length(2, MAX_MERGED)
    )
    keep = ma.fields.Integer(required=True, validate=validate.Range(1, MAX_ID))


EXAMPLE = {
    "id": 31, "organisation": "Association pour la recherche", "logo_text": "APR", "state": "confirmed",
    "position": 1, "merged_into": None,
}  # fmt: skip


def _represent(row: Signature) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in ("id", "organisation", "logo_text", "state", "merged_into")}
    return values | {"position": row.list_position}


@blueprint.route("")
class Organisations(MethodView):
    """All organisations of a petition."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(OrganisationsQuery(), location="query")
    @blueprint.response(200, OrganisationsSchema(), example={"positioned": [EXAMPLE], "items": [], "next": None})
    @document_problems(blueprint, 404, 422)
    @document_operation(
        blueprint, "list_organisations", 200, N_("List the organisations that signed, as the public page has them.")
    )
    def get(self, query: dict[str, Any], slug: str) -> dict[str, Any]:
        """List the organisations that signed, as the public page has them."""
        petition = find_petition(slug)
        page = organisations.list_unpositioned(petition, query.get("after"))
        return {
            "positioned": [_represent(row) for row in organisations.list_positioned(petition)],
            "items": [_represent(row) for row in page.items],
            "next": int(page.next) if page.next else None,
        }


@blueprint.route("/<int:number>")
class OneOrganisation(MethodView):
    """One organisation of a petition."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(OrganisationChangeSchema(), example={"move": "pin", "logo_text": "APR"})
    @blueprint.response(200, OrganisationSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(
        blueprint, "change_organisation", 200,
        N_("Move an organisation, give it a short name, or let a merged one count again."),
    )  # fmt: skip
    def patch(self, body: dict[str, Any], slug: str, number: int) -> dict[str, Any]:
        """Move an organisation, give it a short name, or let a merged one count again."""
        petition = find_petition(slug, lock=True)
        row = organisations.get_organisation(petition, number)
        if "logo_text" in body:
            before = row.logo_text
            organisations.set_logo_text(row, body["logo_text"])
            if before != row.logo_text:
                _record("renamed", row, {"logo_text": before}, {"logo_text": row.logo_text})
        if "move" in body:
            place, moved = organisations.reposition(petition, row, body["move"])
            if place != moved:
                _record("placed", row, {"place": place}, {"place": moved})
        into = row.merged_into
        if body["unmerge"] and organisations.unmerge(row):
            _record("unmerged", row, {"into": into}, None)
        db.session.commit()
        return _represent(row)


def _record(done: str, row: Signature, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    audit.record(f"organisation.{done}", "signature", row.id, before=before, after=after)


@blueprint.route("/merges")
class OrganisationMerges(MethodView):
    """Organisations that signed several times."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(MergeSchema(), example={"ids": [31, 47], "keep": 31})
    @blueprint.response(200, OrganisationSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "merge_organisations", 200, N_("Merge organisations into one; the others no longer count.")
    )
    def post(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Merge organisations into one; the others no longer count."""
        petition = find_petition(slug, lock=True)
        for merged in organisations.merge(petition, body["ids"], body["keep"]):
            audit.record("organisation.merged", "signature", merged, after={"into": body["keep"]})
        db.session.commit()
        return _represent(organisations.get_organisation(petition, body["keep"]))
