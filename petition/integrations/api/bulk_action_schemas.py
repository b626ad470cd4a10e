"""The schema of a bulk action for a token, and its example."""

import marshmallow as ma
from marshmallow import validate

from petition.bulk_actions.models import BULK_ACTION_STATES
from petition.core.i18n import N_


class BulkActionSchema(ma.Schema):
    """A bulk action with its progress, as the commands with `--json` have it."""

    action = ma.fields.Integer(required=True, metadata={"description": N_("its number")})
    verb = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(BULK_ACTION_STATES))
    total = ma.fields.Integer(required=True)
    done = ma.fields.Integer(required=True)
    skipped = ma.fields.Integer(required=True, metadata={"description": N_("those that had changed meanwhile")})
    left = ma.fields.Integer(required=True)


EXAMPLE_BULK_ACTION = {
    "action": 7, "verb": "invalidate", "state": "running", "total": 1200, "done": 500, "skipped": 0, "left": 700,
}  # fmt: skip
