"""The JSON API of consents: what each box of a petition's form says, for forms of other sites."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import (
    ACCESS_PUBLIC,
    SLUG_LINK_PARAMETERS,
    ApiBlueprint,
    document_operation,
    document_problems,
)
from petition.petitions.views.cors import allow_listed_sites
from petition.petitions.views.public import get_public_or_404
from petition.signatures.consent import Wording, consent_wording, passing_on_wording
from petition.signatures.partner_news.consents import list_boxes

ACCESS = ACCESS_PUBLIC
blueprint = ApiBlueprint("consents_api", __name__, url_prefix="/api/v1", description="Consents")
allow_listed_sites(blueprint)


class ConsentSchema(ma.Schema):
    """A box of the form: nobody may tick it but the signer, who has read these words."""

    field = ma.fields.String(required=True)
    partner = ma.fields.String(
        required=True, allow_none=True,
        metadata={"description": N_("of a partner's box: the word to send in the list news when it is ticked")},
    )  # fmt: skip
    text = ma.fields.String(required=True)
    language = ma.fields.String(required=True)
    wording = ma.fields.String(
        required=True, metadata={"description": N_("to be sent under wordings, with the field: which words were shown")}
    )


class ConsentsQuery(ma.Schema):
    """Which language the signer reads."""

    lang = ma.fields.String(
        validate=validate.OneOf(LANGUAGES), metadata={"description": N_("else the browser's, else the site's own")}
    )


EXAMPLE = {
    "field": "updates", "partner": None, "language": "en", "wording": "0f5c2d9be1a47786",
    "text": "Send me news of this campaign by email, from Internet en prison. Every message has a link to stop them.",
}  # fmt: skip


@blueprint.route("/petitions/<slug>/consents")
class Consents(MethodView):
    """What signers may agree to."""

    @blueprint.arguments(ConsentsQuery(), location="query")
    @blueprint.response(200, ConsentSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404, 410, 422)
    @document_operation(
        blueprint, "consents", 200, N_("List the boxes of the form that signers may tick, with their words."),
        sign=SLUG_LINK_PARAMETERS,
    )  # fmt: skip
    def get(self, _query: dict[str, Any], slug: str) -> list[dict[str, Any]]:
        """List the boxes of the form that signers may tick, with their words."""
        petition = get_public_or_404(slug)
        boxes: list[tuple[str, str | None, Wording]] = [("updates", None, consent_wording(petition))]
        boxes += [(box.field, box.key, box.wording) for box in list_boxes(petition)]
        if (passing_on := passing_on_wording(petition)) is not None:
            boxes.append(("passed_on", None, passing_on))
        return [
            {
                "field": field, "partner": partner, "text": words.text, "language": words.language,
                "wording": words.digest,
            }
            for field, partner, words in boxes
        ]  # fmt: skip
