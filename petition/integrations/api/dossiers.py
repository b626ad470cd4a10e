"""Dossiers to hand over for a token: asked for, made by a worker, fetched as they were made."""

from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.exports.documents import dossiers
from petition.exports.documents.download import send_dossier
from petition.exports.documents.models import Dossier, DossierState
from petition.integrations.api.scoped import actor_name, find_petition
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "dossiers_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/dossiers", description="Dossiers for a token"
)


class DossierRequestSchema(ma.Schema):
    """What is asked for."""

    language = ma.fields.String(required=True, validate=validate.OneOf(LANGUAGES))


class DossierSchema(ma.Schema):
    """A dossier as it is handed over; `sha256` proves a copy of it."""

    id = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf([state.value for state in DossierState]))
    progress = ma.fields.Integer(required=True, metadata={"description": N_("per cent")})
    language = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    as_of = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": N_("the moment that it was true")}
    )
    reference = ma.fields.String(required=True, allow_none=True)
    names = ma.fields.Integer(required=True, allow_none=True)
    pages = ma.fields.Integer(required=True, allow_none=True)
    size = ma.fields.Integer(required=True, allow_none=True, metadata={"description": N_("in bytes")})
    sha256 = ma.fields.String(required=True, allow_none=True)
    erased_at = ma.fields.AwareDateTime(required=True, allow_none=True)


EXAMPLE_WAITING = {
    "id": 3, "state": "waiting", "progress": 0, "language": "fr", "created_at": "2022-11-14T10:00:00+00:00",
    "as_of": None, "reference": None, "names": None, "pages": None, "size": None, "sha256": None, "erased_at": None,
}  # fmt: skip
EXAMPLE = EXAMPLE_WAITING | {
    "state": "done", "progress": 100, "as_of": "2022-11-14T10:00:05+00:00",
    "reference": "internet-en-prison-20221114-3", "names": 512, "pages": 21, "size": 184320,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}  # fmt: skip


@blueprint.route("")
class Dossiers(MethodView):
    """All dossiers of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, DossierSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_dossiers", 200, N_("List the last dossiers of a petition."))
    def get(self, slug: str) -> list[Dossier]:
        """List the last dossiers of a petition."""
        return dossiers.list_dossiers(find_petition(slug))

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.arguments(DossierRequestSchema(), example={"language": "fr"})
    @blueprint.response(202, DossierSchema(), example=EXAMPLE_WAITING)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "request_dossier", 202, N_("Ask for a dossier of what is true when it is made."))
    def post(self, body: dict[str, Any], slug: str) -> Dossier:
        """Ask for a dossier of what is true when it is made."""
        dossier = dossiers.ask_for(find_petition(slug), body["language"], actor_name())
        db.session.commit()
        dossiers.wake_maker()
        return dossier


@blueprint.route("/<int:number>")
class OneDossier(MethodView):
    """One dossier."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, DossierSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "show_dossier", 200, N_("Return how far a dossier is, or what it is."))
    def get(self, slug: str, number: int) -> Dossier:
        """Return how far a dossier is, or what it is."""
        return dossiers.find_dossier(find_petition(slug), number)


@blueprint.route("/<int:number>/file")
class DossierFile(MethodView):
    """A dossier's file."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "fetch_dossier", 200, N_("Return a dossier as PDF, as it was made; 404 until then."))
    def get(self, slug: str, number: int) -> Response:
        """Return a dossier as PDF, as it was made; recorded in the audit trail."""
        return send_dossier(find_petition(slug), number)
