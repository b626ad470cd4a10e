"""Signatures as a file for a token: what the desk exports, by the same rules, sent as it is read."""

from typing import Any

import marshmallow as ma
from flask import Response, current_app, stream_with_context
from flask.views import MethodView
from marshmallow import validate

from petition.core.i18n import LANGUAGES, N_
from petition.core.languages.language_codes import SOURCE_LANGUAGE
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.exports.columns import COLUMNS, DEFAULT_COLUMNS
from petition.exports.file_formats import FILE_FORMATS, MIME_TYPES, FileFormat
from petition.exports.signatures_export import SignaturesExport
from petition.integrations.api.signature_schemas import SignatureFilterSchema
from petition.integrations.api.signatures import require_petition_of
from petition.signatures.search.filters import parse_filter
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
BINARY = {"type": "string", "format": "binary"}
blueprint = ApiBlueprint(
    "exports_api", __name__, url_prefix="/api/v1/signatures/exports", description="Exports of signatures for a token"
)


class ExportSchema(ma.Schema):
    """Which signatures, and what of them. A name that waits for others is in no file."""

    filter = ma.fields.Nested(SignatureFilterSchema, load_default=dict)
    format = ma.fields.String(load_default=FileFormat.CSV.value, validate=validate.OneOf(FILE_FORMATS))
    columns = ma.fields.List(
        ma.fields.String(validate=validate.OneOf(tuple(COLUMNS))), load_default=list(DEFAULT_COLUMNS),
        validate=validate.Length(1, len(COLUMNS)),
    )  # fmt: skip
    language = ma.fields.String(
        load_default=SOURCE_LANGUAGE, validate=validate.OneOf(LANGUAGES),
        metadata={"description": N_("of the headings and values")},
    )  # fmt: skip


EXAMPLE_EXPORT = {
    "filter": {"petition": "internet-en-prison", "state": "confirmed"}, "format": "csv",
    "columns": ["name", "profession", "city"], "language": "fr",
}  # fmt: skip


@blueprint.route("")
class Exports(MethodView):
    """A file of signatures."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(ExportSchema(), example=EXAMPLE_EXPORT)
    @blueprint.doc(responses={200: {"content": {kind: {"schema": BINARY} for kind in MIME_TYPES.values()}}})
    @blueprint.response(200, BINARY, content_type="text/csv")
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "export_signatures", 200, N_("Return the signatures that a filter finds as a file."))
    def post(self, body: dict[str, Any]) -> Response:
        """Return the signatures that a filter finds as a file; recorded in the audit trail, with the number of rows.

        If it fails half-way the last chunk is missing, which a client of HTTP reports.
        """
        criteria = parse_filter({name: str(value) for name, value in body["filter"].items()})
        require_petition_of(criteria)
        file_format = FileFormat(body["format"])
        export = SignaturesExport(criteria, body["columns"], file_format, body["language"])
        return current_app.response_class(stream_with_context(iter(export)), mimetype=MIME_TYPES[file_format])
