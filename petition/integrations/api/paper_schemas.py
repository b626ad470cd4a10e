"""Schemas of signatures on paper for a token, with their examples."""

import marshmallow as ma
from marshmallow import validate

from petition.core.i18n import N_
from petition.integrations.api.bulk_action_schemas import EXAMPLE_BULK_ACTION, BulkActionSchema
from petition.petitions.paper.columns import FIELDS
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.models import PaperImportState

STEPS = ("add", "stop", "resume", "undo", "discard", "dates", "columns")


class PaperLineSchema(ma.Schema):
    """One signature on paper, by the rules of a file with one line."""

    name = ma.fields.String(required=True)
    profession = ma.fields.String()
    city = ma.fields.String()
    postal_code = ma.fields.String()
    signed_on = ma.fields.String(metadata={"description": N_("a day such as 2022-09-28")})
    reference = ma.fields.String(metadata={"description": N_("of the sheet")})


class PaperProblemSchema(ma.Schema):
    """What is wrong with a line of a file, or what was noticed about it."""

    line = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    detail = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class PaperColumnSchema(ma.Schema):
    """A column of a file, and the field that it is read as."""

    title = ma.fields.String(required=True)
    field = ma.fields.String(required=True, allow_none=True)


class PaperImportSchema(ma.Schema):
    """A file of signatures on paper: `waiting` were read and do not count yet, `added` count."""

    id = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf([state.value for state in PaperImportState]))
    file_name = ma.fields.String(required=True, metadata={"description": N_("empty for lines that were typed")})
    sheet = ma.fields.String(required=True, allow_none=True, metadata={"description": N_("its number")})
    struck_at = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": N_("since when the sheet does not count")}
    )
    lines = ma.fields.Integer(required=True)
    waiting = ma.fields.Integer(required=True)
    added = ma.fields.Integer(required=True)
    date_example = ma.fields.String(
        required=True, allow_none=True,
        metadata={"description": N_("of state question: a date whose day and month could be either")},
    )  # fmt: skip
    created_at = ma.fields.AwareDateTime(required=True)


class OnePaperImportSchema(PaperImportSchema):
    """The same with its columns, what is wrong, and the bulk action that adds or removes its signatures."""

    columns = ma.fields.List(ma.fields.Nested(PaperColumnSchema), required=True)
    problems = ma.fields.List(ma.fields.Nested(PaperProblemSchema), required=True)
    action = ma.fields.Nested(BulkActionSchema, required=True, allow_none=True)


class PaperFileQuery(ma.Schema):
    """The name of a file."""

    file_name = ma.fields.String(load_default="list.csv", validate=validate.Length(1, 200))


class PaperStepSchema(ma.Schema):
    """What is next: add what was read, stop, go on, undo it all, discard a draft, or answer what a draft asks."""

    step = ma.fields.String(required=True, validate=validate.OneOf(STEPS))
    order = ma.fields.String(
        validate=validate.OneOf([order.value for order in DateOrder]),
        metadata={"description": N_("of dates: what comes first in them")},
    )
    columns = ma.fields.List(
        ma.fields.String(validate=validate.OneOf(("", *FIELDS))), validate=validate.Length(0, 100),
        metadata={"description": N_("of columns: the field of each, or an empty text for none")},
    )  # fmt: skip


class PaperSignatureSchema(ma.Schema):
    """A signature of a file."""

    id = ma.fields.Integer(required=True)
    line = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    profession = ma.fields.String(required=True, allow_none=True)
    city = ma.fields.String(required=True, allow_none=True)
    postal_code = ma.fields.String(required=True, allow_none=True)
    signed_on = ma.fields.Date(required=True, allow_none=True)
    reference = ma.fields.String(required=True, allow_none=True)
    counted = ma.fields.Boolean(required=True)


class PaperSignaturesSchema(ma.Schema):
    """A page in the order of the lines; pass `next` as `after` for the page that follows."""

    items = ma.fields.List(ma.fields.Nested(PaperSignatureSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class PaperSignaturesQuery(ma.Schema):
    """Which page."""

    after = ma.fields.Integer(
        validate=validate.Range(1, 2**31 - 1), metadata={"description": N_("the “next” of the previous page")}
    )


EXAMPLE_IMPORT = {
    "id": 5, "state": "draft", "file_name": "marché.csv", "sheet": None, "struck_at": None,
    "lines": 43, "waiting": 42, "added": 0, "date_example": None, "created_at": "2022-10-01T18:00:00+00:00",
}  # fmt: skip
EXAMPLE_ONE = EXAMPLE_IMPORT | {
    "columns": [{"title": "Nom", "field": "name"}, {"title": "Ville", "field": "city"}],
    "problems": [{"line": 12, "kind": "name", "detail": "", "message": "There is no name."}], "action": None,
}  # fmt: skip
EXAMPLE_ADDING = EXAMPLE_ONE | {"action": EXAMPLE_BULK_ACTION | {"verb": "add"}}
EXAMPLE_LINE = {
    "name": "Zoé Martin", "profession": "Avocate", "city": "Lyon", "postal_code": "69001", "signed_on": "2022-09-28",
    "reference": "Sheet 3",
}  # fmt: skip
EXAMPLE_SIGNATURE = EXAMPLE_LINE | {"id": 91, "line": 1, "counted": True}
