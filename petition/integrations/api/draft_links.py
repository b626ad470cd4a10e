"""Links to a draft for colleagues without an account, made and voided for a token as on the desk."""

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _

from petition.core import clock, tokens
from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.core.web.assets import public_url_for
from petition.integrations.api.scoped import find_petition
from petition.petitions.models import PetitionState
from petition.signatures.links import DRAFT_LINK, DRAFT_LINK_TTL
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "draft_links_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/draft-links",
    description="Links to a draft for a token",
)  # fmt: skip


class DraftLinkSchema(ma.Schema):
    """A link with which anybody sees a draft."""

    url = ma.fields.String(required=True)
    until = ma.fields.AwareDateTime(required=True)


EXAMPLE = {"url": "https://petition.example.org/draft/x9f", "until": "2022-09-20T10:00:00+00:00"}


@blueprint.route("")
class DraftLinks(MethodView):
    """The links to a draft."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(201, DraftLinkSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404, 409)
    @document_operation(blueprint, "make_draft_link", 201, N_("Make a link to a draft, which works for a week."))
    def post(self, slug: str) -> dict[str, object]:
        """Make a link to a draft, which works for a week."""
        petition = find_petition(slug)
        if petition.state_now != PetitionState.DRAFT:
            raise InvalidTransition({"slug": _("It is public already: share its address.")})
        token = tokens.make(DRAFT_LINK, petition.id, petition.draft_link_generation)
        audit.record("petition.shared", "petition", slug)
        db.session.commit()
        return {"url": public_url_for("shared_draft.show", token=token), "until": clock.now() + DRAFT_LINK_TTL}

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "void_draft_links", 204, N_("Void every link to a draft that was made so far."))
    def delete(self, slug: str) -> None:
        """Void every link to a draft that was made so far."""
        petition = find_petition(slug, lock=True)
        petition.draft_link_generation += 1
        audit.record("petition.unshared", "petition", slug)
        db.session.commit()
