"""Updates of a petition for a token: news, the handing over, the answer, the outcome; written as on the desk."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.petitions.models import Petition
from petition.petitions.partners.models import PartnerRole
from petition.petitions.updates import editing
from petition.petitions.updates.models import UPDATE_KINDS, PetitionUpdate
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_BODY_BYTES = 130_000 * len(LANGUAGES)  # 30,000 characters in each, each up to four bytes
TEXT_PARTS = ("title", "body")
blueprint = ApiBlueprint(
    "updates_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/updates", description="Updates for a token"
)


class UpdateTextSchema(ma.Schema):
    """The text in one language."""

    title = ma.fields.String(required=True)
    body = ma.fields.String(load_default="", metadata={"description": N_("Markdown")})


def _texts(**options: Any) -> Any:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(LANGUAGES)), values=ma.fields.Nested(UpdateTextSchema, **options)
    )


class UpdateFieldsSchema(ma.Schema):
    """An update as it is written."""

    kind = ma.fields.String(validate=validate.OneOf(UPDATE_KINDS))
    happened_on = ma.fields.Date(metadata={"description": N_("a day that is not in the future")})
    source_url = ma.fields.String(allow_none=True, metadata={"description": N_("where it can be read in full")})
    publish = ma.fields.Boolean(
        load_default=False, metadata={"description": N_("whether it is public from now on; what is public stays so")}
    )


class NewUpdateSchema(UpdateFieldsSchema):
    """A new update: a draft, or public at once."""

    kind = ma.fields.String(required=True, validate=validate.OneOf(UPDATE_KINDS))
    happened_on = ma.fields.Date(required=True, metadata={"description": N_("a day that is not in the future")})
    texts = _texts()


class UpdateChangeSchema(UpdateFieldsSchema):
    """A change to the version that was read. What is left out stays; a language that is null is removed."""

    version = ma.fields.Integer(
        required=True, validate=validate.Range(1, 2**31 - 1),
        metadata={"description": N_("of the update as it was read: 409 if it changed since")},
    )  # fmt: skip
    texts = _texts(allow_none=True)


class UpdateSchema(ma.Schema):
    """An update of a petition; without `published_at`, a draft."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True, validate=validate.OneOf(UPDATE_KINDS))
    happened_on = ma.fields.Date(required=True)
    source_url = ma.fields.String(required=True, allow_none=True)
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(UpdateTextSchema), required=True)
    published_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    version = ma.fields.Integer(required=True, metadata={"description": N_("goes up with every change")})


EXAMPLE_NEW = {
    "kind": "answer", "happened_on": "2022-11-14", "source_url": "https://example.org/answer", "publish": False,
    "texts": {"fr": {"title": "La Première ministre répond", "body": "Nous avons reçu une lettre."}},
}  # fmt: skip
EXAMPLE: dict[str, Any] = {name: value for name, value in EXAMPLE_NEW.items() if name != "publish"} | {
    "id": 2, "published_at": None, "version": 1,
}  # fmt: skip


def _merge(values: dict[str, str], body: dict[str, Any]) -> dict[str, str]:
    """Return the values of the desk's form with those of a body in their place."""
    merged = dict(values)
    for name in ("kind", "happened_on", "source_url"):
        if name in body:
            merged[name] = str(body[name] or "")
    for language, text in body.get("texts", {}).items():
        merged |= {f"{language}.{part}": (text or {}).get(part, "") for part in TEXT_PARTS}
    return editing.read_values(merged)


def _finish(petition: Petition, update: PetitionUpdate, done: str) -> None:
    """Record what was done, as the desk does, and commit."""
    after = {"update": update.id, "kind": update.kind}
    audit.record(f"petition.update_{done}", "petition", petition.slug, after=after)
    db.session.commit()


@blueprint.route("")
class Updates(MethodView):
    """All updates of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, UpdateSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_updates", 200, N_("List the updates of a petition, drafts too."))
    def get(self, slug: str) -> list[PetitionUpdate]:
        """List the updates of a petition, drafts too."""
        return editing.list_updates(find_petition(slug))

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(NewUpdateSchema(), example=EXAMPLE_NEW)
    @blueprint.response(201, UpdateSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "create_update", 201, N_("Write an update of a petition."))
    def post(self, body: dict[str, Any], slug: str) -> PetitionUpdate:
        """Write an update of a petition."""
        petition = find_petition(slug, lock=True)
        update = editing.create(petition, _merge({}, body), publish=body["publish"])
        _finish(petition, update, "published" if update.published_at else "written")
        return update


@blueprint.route("/<int:number>")
class OneUpdate(MethodView):
    """One update of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, UpdateSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "read_update", 200, N_("Return an update of a petition."))
    def get(self, slug: str, number: int) -> PetitionUpdate:
        """Return an update of a petition."""
        return editing.find_update(find_petition(slug), number)

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(UpdateChangeSchema(), example={"version": 1, "publish": True})
    @blueprint.response(200, UpdateSchema(), example=EXAMPLE | {"version": 2})
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(blueprint, "change_update", 200, N_("Change an update of a petition, or publish it."))
    def patch(self, body: dict[str, Any], slug: str, number: int) -> PetitionUpdate:
        """Change an update of a petition, or publish it."""
        petition = find_petition(slug)
        update = editing.find_update(petition, number, lock=True)
        was_published = update.published_at is not None
        values = _merge(editing.values_from_update(update), body)
        editing.edit(update, values, str(body["version"]), publish=body["publish"])
        _finish(petition, update, "published" if update.published_at and not was_published else "changed")
        return update

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(204)
    @document_problems(blueprint, 404, 409)
    @document_operation(blueprint, "delete_update", 204, N_("Delete a draft; what is published is taken back first."))
    def delete(self, slug: str, number: int) -> None:
        """Delete a draft; what is published is taken back first."""
        petition = find_petition(slug)
        update = editing.find_update(petition, number, lock=True)
        editing.delete(update)
        _finish(petition, update, "deleted")


@blueprint.route("/<int:number>/take-back")
class UpdateTakingBack(MethodView):
    """What was published and is not to be any more."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, UpdateSchema(), example=EXAMPLE | {"version": 3})
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "take_back_update", 200, N_("Make a published update a draft again."))
    def post(self, slug: str, number: int) -> PetitionUpdate:
        """Make a published update a draft again."""
        petition = find_petition(slug)
        update = editing.find_update(petition, number, lock=True)
        if update.published_at is not None:
            editing.take_back(update)
            _finish(petition, update, "taken_back")
        return update
