"""Petitions for a token: list, create, show, change, and their states, by the services of the desk."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import EXAMPLE_SLUG, ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.petitions import lifecycle
from petition.petitions import queries as petition_queries
from petition.petitions.counters import get_counts
from petition.petitions.editing import edit_form, edits
from petition.petitions.models import PETITION_STATES, Petition, PetitionState
from petition.petitions.partners.models import PartnerRole
from petition.petitions.representation import represent_listed, represent_petition
from petition.petitions.schemas import CountSchema
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_BODY_BYTES = 500_000 * len(LANGUAGES)  # 100,000 characters in each, each up to four bytes, and the other fields
TRANSITIONS = {
    "open": lifecycle.open_, "close": lifecycle.close, "archive": lifecycle.archive, "restore": lifecycle.restore,
    "won": lifecycle.mark_won, "not-won": lifecycle.unmark_won,
}  # fmt: skip
blueprint = ApiBlueprint(
    "petitions_for_tokens_api", __name__, url_prefix="/api/v1/desk/petitions", description="Petitions for a token"
)


class ListedPetitionSchema(ma.Schema):
    """A petition in any state."""

    slug = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(PETITION_STATES))
    title = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True, metadata={"description": N_("goes up with every change")})
    count = ma.fields.Nested(CountSchema, required=True)


class EditablePetitionSchema(ListedPetitionSchema):
    """A petition with the fields of its form at the desk, each as it is typed there; `fr.title` is of one language."""

    fields_ = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True, data_key="fields", attribute="fields"
    )


class PetitionFieldsSchema(ma.Schema):
    """Fields of the form at the desk; those left out are empty in a new petition, and stay in one that is changed.

    An empty `opens` keeps the date of an opening that is past.
    """

    fields_ = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True, data_key="fields", attribute="fields"
    )


class PetitionChangeSchema(PetitionFieldsSchema):
    """A change to the version that was read."""

    version = ma.fields.Integer(
        required=True, metadata={"description": N_("of the petition as it was read: 409 if it changed since")}
    )


class PetitionStateSchema(ma.Schema):
    """A change of state."""

    change = ma.fields.String(required=True, validate=validate.OneOf(tuple(TRANSITIONS)))


EXAMPLE_LISTED = {
    "slug": EXAMPLE_SLUG, "state": "open", "title": "Pour un accès à Internet en prison", "version": 3,
    "count": {"confirmed": 640, "people": 610, "organisations": 30, "paper": 85, "goal": 1000},
}  # fmt: skip
EXAMPLE_FIELDS = {"fr.title": "Pour un accès à Internet en prison", "sender_name": "Internet en prison"}


def _read_fields(given: dict[str, str], start: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(edit_form.FIELDS))
    if unknown:
        raise ValidationError({name[:80]: _("There is no such field.") for name in unknown[:20]})
    return edit_form.read_values(_Form(start | given))


class _Form(dict[str, str]):
    """Fields as the form submits them."""

    def getlist(self, name: str) -> list[str]:
        """Return the values of a field with several."""
        return [value.strip() for value in self.get(name, "").split(",") if value.strip()]


@blueprint.route("")
class Petitions(MethodView):
    """All petitions."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, ListedPetitionSchema(many=True), example=[EXAMPLE_LISTED])
    @document_operation(blueprint, "list_all_petitions", 200, N_("List all petitions, drafts and archived ones too."))
    def get(self) -> list[dict[str, Any]]:
        """List all petitions, drafts and archived ones too."""
        only = current_token().petition_id
        found = [petition for petition in petition_queries.list_all() if only in (None, petition.id)]
        counted = get_counts(found)
        return [represent_listed(petition, counted[petition.id]) for petition in found]

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(PetitionFieldsSchema(), example={"fields": EXAMPLE_FIELDS})
    @blueprint.response(201, EditablePetitionSchema(), example=EXAMPLE_LISTED | {"fields": EXAMPLE_FIELDS})
    @document_problems(blueprint, 400, 409, 413, 422)
    @document_operation(blueprint, "create_petition", 201, N_("Create a draft; it need not be complete."))
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a draft; it need not be complete."""
        require_petition(None)
        values = _read_fields(body["fields"], dict(edit_form.EMPTY_VALUES))
        document = edit_form.parse_values(values, unfinished=not values["opens"])
        if not values["slug"]:
            document.fields["slug"] = lifecycle.find_free_slug(document.fields["slug"])
        petition = lifecycle.create(document)
        audit.record("petition.created", "petition", petition.slug, after={"title": edit_form.get_title(values)})
        db.session.commit()
        return represent_petition(petition)


@blueprint.route("/<slug>")
class OnePetition(MethodView):
    """One petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, EditablePetitionSchema(), example=EXAMPLE_LISTED | {"fields": EXAMPLE_FIELDS})
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "read_petition", 200, N_("Return a petition in any state, with all its fields."))
    def get(self, slug: str) -> dict[str, Any]:
        """Return a petition in any state, with all its fields."""
        return represent_petition(find_petition(slug))

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(PetitionChangeSchema(), example={"version": 3, "fields": {"fr.summary": "Nous demandons…"}})
    @blueprint.response(200, EditablePetitionSchema(), example=EXAMPLE_LISTED | {"fields": EXAMPLE_FIELDS})
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(blueprint, "change_petition", 200, N_("Change some fields of a petition."))
    def patch(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Change some fields of a petition."""
        petition = find_petition(slug, lock=True)
        values, _base = edits.keep_opening(
            petition, _read_fields(body["fields"], edit_form.values_from_petition(petition)), {}
        )
        edits.resolve_edits(petition, values, None, version=str(body["version"]), resolution=None)
        unfinished = petition.state_now == PetitionState.DRAFT and not values["opens"]
        document = edit_form.parse_values(values, unfinished=unfinished)
        changes = edits.plan_changes(petition, document)
        if changes:
            edits.apply_document(petition, document)
            before, after = edits.summarise_for_audit(changes)
            audit.record("petition.changed", "petition", petition.slug, before=before, after=after)
            db.session.commit()
        return represent_petition(petition)


@blueprint.route("/<slug>/copies")
class PetitionCopies(MethodView):
    """Copies of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(201, EditablePetitionSchema(), example=EXAMPLE_LISTED | {"fields": EXAMPLE_FIELDS})
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "copy_petition", 201, N_("Create a draft with the texts, settings and images of a petition.")
    )
    def post(self, slug: str) -> dict[str, Any]:
        """Create a draft with the texts, settings and images of a petition."""
        require_petition(None)
        copy = lifecycle.duplicate(find_petition(slug))
        title = copy.text_in(copy.default_language).title
        audit.record("petition.duplicated", "petition", copy.slug, after={"title": title, "copy_of": slug})
        db.session.commit()
        return represent_petition(copy)


@blueprint.route("/<slug>/state")
class PetitionStates(MethodView):
    """The state of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.OWNER)
    @blueprint.arguments(PetitionStateSchema(), example={"change": "open"})
    @blueprint.response(200, EditablePetitionSchema(), example=EXAMPLE_LISTED | {"fields": EXAMPLE_FIELDS})
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "change_state", 200, N_("Open, close, archive, restore a petition, or mark it as won.")
    )
    def post(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Open, close, archive, restore a petition, or mark it as won."""
        petition = find_petition(slug, lock=True)
        before = _describe_state(petition)
        TRANSITIONS[body["change"]](petition)
        audit.record("petition.state", "petition", petition.slug, before=before, after=_describe_state(petition))
        db.session.commit()
        return represent_petition(petition)


def _describe_state(petition: Petition) -> dict[str, str]:
    return {"state": petition.state_now} | ({"won": "yes"} if petition.won_at else {})
