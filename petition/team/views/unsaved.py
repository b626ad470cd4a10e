"""Keep what is being typed at the desk, for who holds the form's token, and forget it."""

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.team import unsaved_forms
from petition.team.permissions import csrf, current_account

ACCESS = "holder of the link"  # the token of a form, which its owner alone was shown
MAX_FORM_BYTES = 3_000_000
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


@blueprint.post("/discard")
def discard() -> Response:
    """Forget what was typed into a form, and show it as it was saved."""
    account, form = current_account(), request.form.get("form", "")
    csrf.protect()
    if account is None or not unsaved_forms.FORMS.fullmatch(form):
        abort(400)
    unsaved_forms.discard(account, form)
    db.session.commit()
    return redirect(form, 303)
