"""Images of a petition for a token, stored and deleted as on the desk."""

from typing import Any

import marshmallow as ma
from flask import request
from flask.views import MethodView

from petition.core.db import db
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.petitions.images import MAX_UPLOAD_BYTES, add_image, delete_image, list_images
from petition.petitions.models import PetitionImage
from petition.petitions.partners.models import PartnerRole
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
BINARY = {"type": "string", "format": "binary"}
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
blueprint = ApiBlueprint(
    "images_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/images",
    description="Images of a petition for a token",
)  # fmt: skip


class ImageSchema(ma.Schema):
    """An image; a text shows it by the Markdown `![](/images/name)`."""

    name = ma.fields.String(required=True)
    alt = ma.fields.String(required=True, metadata={"description": N_("what it shows")})
    created_at = ma.fields.AwareDateTime(required=True)


class ImageQuery(ma.Schema):
    """What an image shows, for who cannot see it."""

    alt = ma.fields.String(required=True, metadata={"description": N_("what it shows")})


EXAMPLE = {
    "name": "9f86d081884c7d659a2f-1200x800.jpg", "alt": "Une cellule et son bureau",
    "created_at": "2022-10-01T18:00:00+00:00",
}  # fmt: skip


@blueprint.route("")
class Images(MethodView):
    """All images of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(200, ImageSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_images", 200, N_("List the images of a petition, newest first."))
    def get(self, slug: str) -> list[PetitionImage]:
        """List the images of a petition, newest first."""
        return list_images(find_petition(slug))

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR, max_body_bytes=MAX_UPLOAD_BYTES + 1)
    @blueprint.arguments(ImageQuery(), location="query")
    @blueprint.doc(requestBody={"required": True, "content": {kind: {"schema": BINARY} for kind in MEDIA_TYPES}})
    @blueprint.response(201, ImageSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "add_image", 201, N_("Store an image, the body of the request, resized."))
    def post(self, query: dict[str, Any], slug: str) -> PetitionImage:
        """Store an image, the body of the request, resized."""
        petition = find_petition(slug)
        image = add_image(petition, request.get_data(), query["alt"].replace("\0", ""))
        audit.record("petition.image", "petition", slug, after={"image": image.name})
        db.session.commit()
        return image


@blueprint.route("/<name>")
class OneImage(MethodView):
    """An image of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, partners=PartnerRole.EDITOR)
    @blueprint.response(204)
    @document_problems(blueprint, 404, 409)
    @document_operation(blueprint, "delete_image", 204, N_("Delete an image that no text shows."))
    def delete(self, slug: str, name: str) -> None:
        """Delete an image that no text shows."""
        delete_image(find_petition(slug), name)
        audit.record("petition.image_deleted", "petition", slug, before={"image": name})
        db.session.commit()
