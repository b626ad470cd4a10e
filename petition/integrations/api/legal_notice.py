"""The legal notice for a token: that of the site, and that of a petition where it differs."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.scoped import find_petition
from petition.petitions.legal import imprint
from petition.petitions.legal.models import WHOLE_SITE, LegalNotice
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_BODY_BYTES = 260_000 * len(LANGUAGES)  # two texts of 30,000 characters in each, each up to four bytes
blueprint = ApiBlueprint(
    "legal_notice_api", __name__, url_prefix="/api/v1/desk", description="The legal notice for a token"
)


class LegalNoticeSchema(ma.Schema):
    """A notice with the fields of its form at the desk; `fr.privacy` is of one language."""

    version = ma.fields.Integer(required=True, metadata={"description": N_("goes up with every change")})
    fields_ = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True, data_key="fields", attribute="fields"
    )


class NewLegalNoticeSchema(LegalNoticeSchema):
    """The whole of a notice; without a version, where there is none yet."""

    version = ma.fields.Integer(
        load_default=None, metadata={"description": N_("of the notice as it was read: 409 if it changed since")}
    )


EXAMPLE = {"version": 2, "fields": {"publisher": "La Quadrature du Net", "fr.privacy": "Vos données…"}}


def _represent(notice: LegalNotice) -> dict[str, Any]:
    return {"version": notice.version, "fields": imprint.values_from_notice(notice)}


def _show(number: int) -> dict[str, Any]:
    notice = imprint.find_notice(number)
    if notice is None:
        raise NotFound({"notice": "there is none"})
    return _represent(notice)


def _save(number: int, body: dict[str, Any]) -> LegalNotice:
    """Write a notice by the rules of the form. Flushes."""
    if unknown := sorted(set(body["fields"]) - set(imprint.FIELDS)):
        raise ValidationError({name[:80]: _("There is no such field.") for name in unknown[:20]})
    version = "" if body["version"] is None else str(body["version"])
    return imprint.save(number, imprint.read_values(body["fields"]), version)


@blueprint.route("/legal-notice")
class SiteNotice(MethodView):
    """The notice of the site."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, LegalNoticeSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "read_site_notice", 200, N_("Return the legal notice of the site."))
    def get(self) -> dict[str, Any]:
        """Return the legal notice of the site."""
        require_petition(None)
        return _show(WHOLE_SITE)

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(NewLegalNoticeSchema(), example=EXAMPLE)
    @blueprint.response(200, LegalNoticeSchema(), example=EXAMPLE | {"version": 3})
    @document_problems(blueprint, 400, 409, 413, 422)
    @document_operation(blueprint, "write_site_notice", 200, N_("Write the legal notice of the site."))
    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        """Write the legal notice of the site."""
        require_petition(None)
        notice = _save(WHOLE_SITE, body)
        audit.record("legal.site_written", "site")
        db.session.commit()
        return _represent(notice)


@blueprint.route("/petitions/<slug>/legal-notice")
class PetitionNotice(MethodView):
    """The notice of a petition."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(200, LegalNoticeSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "read_petition_notice", 200,
        N_("Return a petition’s own legal notice; 404 where the site’s stands for it."),
    )  # fmt: skip
    def get(self, slug: str) -> dict[str, Any]:
        """Return a petition's own legal notice; 404 where the site's stands for it."""
        return _show(find_petition(slug).id)

    @require_scope(blueprint, Scope.PETITIONS_MANAGE, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(NewLegalNoticeSchema(), example=EXAMPLE)
    @blueprint.response(200, LegalNoticeSchema(), example=EXAMPLE | {"version": 3})
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(blueprint, "write_petition_notice", 200, N_("Write a petition’s own legal notice."))
    def put(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Write a petition's own legal notice."""
        notice = _save(find_petition(slug).id, body)
        audit.record("legal.written", "petition", slug)
        db.session.commit()
        return _represent(notice)

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 404, 409)
    @document_operation(
        blueprint, "delete_petition_notice", 204, N_("Delete a petition’s own legal notice: the site’s stands for it.")
    )
    def delete(self, slug: str) -> None:
        """Delete a petition's own legal notice: the site's stands for it."""
        petition = find_petition(slug)
        notice = imprint.find_notice(petition.id, lock=True)
        if notice is None:
            raise NotFound({"notice": "there is none"})
        if not imprint.find_notice(WHOLE_SITE) and imprint.is_required():
            raise InvalidTransition({"notice": _("Write the notice of the site first: a public petition needs one.")})
        db.session.delete(notice)
        audit.record("legal.removed", "petition", slug)
        db.session.commit()
