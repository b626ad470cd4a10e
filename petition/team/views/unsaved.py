"""Keep what is being typed at the desk, for who holds the form's token."""

from flask import Blueprint, abort, request

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.team import unsaved_forms

ACCESS = "holder of the link"  # the token of a form, which its owner alone was shown
MAX_FORM_BYTES = 1_500_000 * len(LANGUAGES)  # as the form of a petition
blueprint = Blueprint("unsaved", __name__, url_prefix="/account/unsaved")


@blueprint.post("/")
def keep() -> tuple[str, int]:
    """Keep the fields of the form that the headers name: 204, or 403 without its token. Signed in or not."""
    owner = unsaved_forms.find_owner(request.headers.get("X-Form-Owner", ""))
    if owner is None:
        abort(403)
    request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
    if not unsaved_forms.keep(owner, request.headers.get("X-Form-Path", ""), request.form.items(multi=True)):
        abort(400)
    db.session.commit()
    return "", 204
