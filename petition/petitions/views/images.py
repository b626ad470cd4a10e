"""Images of a petition: upload and deletion at the desk."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import Conflict, ValidationError
from petition.petitions.images import MAX_UPLOAD_BYTES, add_image, delete_image, list_images
from petition.petitions.models import Petition
from petition.petitions.partners.models import PartnerRole
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("petition_images", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, max_body_bytes={"upload": MAX_UPLOAD_BYTES + 10_000},
              partners=dict.fromkeys(("index", "upload", "delete"), PartnerRole.EDITOR))  # fmt: skip


def _render(petition: Petition, status: int = 200, **more: Any) -> Response:
    body = render_template(
        "petitions/images/index.html", petition=petition, images=list_images(petition), **{"errors": {}, **more}
    )
    return make_response(body, status)


@blueprint.get("/<slug>/images")
def index(slug: str) -> Response:
    """List the images, each with the line to write in a text, and offer to upload one."""
    return _render(get_or_404(slug))


@blueprint.post("/<slug>/images")
def upload(slug: str) -> Response:
    """Store an image, resized."""
    petition, file = get_or_404(slug), request.files.get("file")
    try:
        image = add_image(petition, file.read() if file else b"", request.form.get("alt", ""))
    except ValidationError as error:
        db.session.rollback()
        return _render(petition, 422, errors=error.errors, alt=request.form.get("alt", ""))
    audit.record("petition.image", "petition", petition.slug, after={"image": image.name})
    db.session.commit()
    flash(_("Stored. Write its line where the image should stand in the text."), "success")
    return redirect(url_for("petition_images.index", slug=slug), 303)


@blueprint.post("/<slug>/images/<name>/delete")
def delete(slug: str, name: str) -> Response:
    """Delete an image that no text shows."""
    petition = get_or_404(slug)
    try:
        delete_image(petition, name)
    except Conflict as error:
        db.session.rollback()
        return _render(get_or_404(slug), 409, refused={name: error.errors["image"]})
    audit.record("petition.image_deleted", "petition", petition.slug, before={"image": name})
    db.session.commit()
    flash(_("The image is deleted."), "success")
    return redirect(url_for("petition_images.index", slug=slug), 303)
