"""The signer's receipt: a file that shows that their signature is in the log, without the site."""

import base64
import json

from flask import Blueprint, Response, make_response, render_template

from petition.core import tokens
from petition.core.i18n import current_language, set_reader_language
from petition.count_log import log
from petition.petitions.presenter import present_cached
from petition.signatures.links import get_by_personal_token

ACCESS = "holder of the link"
blueprint = Blueprint("count_receipt", __name__)


@blueprint.get("/me/<token>/receipt")
def page(token: str) -> str:
    """Explain the receipt, and whether there is one yet."""
    signature = get_by_personal_token(token)
    set_reader_language(signature.locale)
    return render_template(
        "count_log/receipt.html",
        petition=present_cached(signature.petition, current_language()),
        receipt=log.make_receipt(signature.id),
        token=tokens.strip_trailing_characters(token),
    )


@blueprint.get("/me/<token>/receipt.json")
def file(token: str) -> Response:
    """Return the receipt as a file for `tools/verify_count.py`."""
    signature = get_by_personal_token(token)
    receipt = log.make_receipt(signature.id)
    if receipt is None:
        return make_response({"error": "not in the log yet: try again in a minute"}, 404)
    body = {
        "statement": receipt.statement,
        "salt": receipt.salt.hex(),
        "index": receipt.entry_index,
        "entry": receipt.entry,
        "path": [base64.b64encode(step).decode() for step in receipt.path],
        "checkpoint": receipt.checkpoint,
    }
    response = make_response(json.dumps(body, ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = "attachment; filename=receipt.json"
    response.headers["Cache-Control"] = "no-store"
    return response
