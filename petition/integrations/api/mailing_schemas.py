"""Schemas of mailings for a token: what is read, what is written, what can be done."""

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.i18n import LANGUAGES, N_
from petition.core.ids import MAX_ID
from petition.mailings.drafting.test_emails import MAX_COLLEAGUES
from petition.mailings.models import MailingState

ACTIONS = ("test", "schedule", "unschedule", "pause", "resume", "cancel", "retry", "add-recipients")
MAX_VERSION = 2**31 - 1
# Fields of the form at the desk that are neither its name, its petitions nor its texts.
SETTINGS = (
    "sender_name", "reply_to", "timezone", "public", "trigger", "trigger_value", "per_hour", "per_domain_hour",
    "warm_up", "undo_minutes", "failure_limit", "unsubscribe_limit", "party", "languages", "professions", "country",
    "city", "postal_code", "confirmed_from", "confirmed_until", "received", "not_received", "partner",
)  # fmt: skip


class SettingValue(ma.fields.Field):  # type: ignore[type-arg]
    """The value of a field of the form: a text, a number, true or false, a list of texts, or null."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        if not all(item is None or isinstance(item, str | int | float) for item in items):
            raise ma.ValidationError(_("Write a text, or a list of texts."))
        texts = ["" if item is None else str(item).replace("\0", "") for item in items]
        return texts if isinstance(value, list) else texts[0]


def _settings(**options: Any) -> Any:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(SETTINGS)),
        values=SettingValue(allow_none=True, metadata={"description": N_("a text, or a list of texts")}),
        **options,
    )


class ListedMailingSchema(ma.Schema):
    """A mailing."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf([state.value for state in MailingState]))


class MailingReportSchema(ListedMailingSchema):
    """A mailing with its counts, as `petition mailings report --json` has them. Nothing of its recipients."""

    version = ma.fields.Integer(required=True, metadata={"description": N_("goes up with every change")})
    reason = ma.fields.String(required=True, allow_none=True)
    sender_name = ma.fields.String(required=True)
    subjects = ma.fields.Dict(required=True)
    created_at = ma.fields.String(required=True, allow_none=True)
    send_at = ma.fields.String(required=True, allow_none=True)
    started_at = ma.fields.String(required=True, allow_none=True)
    ended_at = ma.fields.String(required=True, allow_none=True)
    audience = ma.fields.Raw(required=True, allow_none=True)
    recipients = ma.fields.Integer(required=True)
    states = ma.fields.Dict(required=True)
    settled = ma.fields.Integer(required=True)
    waiting = ma.fields.Integer(required=True)
    per_minute = ma.fields.Float(required=True)
    ends_at = ma.fields.String(required=True, allow_none=True)
    signatures = ma.fields.Raw(required=True, allow_none=True)
    bounced = ma.fields.Integer(required=True)
    unsubscribed = ma.fields.Integer(required=True)
    unsubscribed_by = ma.fields.Dict(required=True)
    reasons = ma.fields.List(ma.fields.Dict(), required=True)


class MailingTextSchema(ma.Schema):
    """The text in one language."""

    subject = ma.fields.String(required=True)
    preheader = ma.fields.String(load_default="")
    body = ma.fields.String(required=True, metadata={"description": N_("Markdown")})


class MailingDraftSchema(ma.Schema):
    """A draft to signers who agreed to news; `settings` has other fields of the form at the desk."""

    name = ma.fields.String(required=True)
    petitions = ma.fields.List(ma.fields.String(), required=True, validate=validate.Length(1, 50))
    texts = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(LANGUAGES)), values=ma.fields.Nested(MailingTextSchema),
        required=True,
    )  # fmt: skip
    settings = _settings(load_default=dict)


class MailingChangeSchema(ma.Schema):
    """A change to the version that was read. What is left out stays; a language that is null is removed."""

    version = ma.fields.Integer(
        required=True, validate=validate.Range(1, MAX_VERSION),
        metadata={"description": N_("of the mailing as it was read: 409 if it changed since")},
    )  # fmt: skip
    name = ma.fields.String()
    petitions = ma.fields.List(ma.fields.String(), validate=validate.Length(1, 50))
    texts = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(LANGUAGES)),
        values=ma.fields.Nested(MailingTextSchema, allow_none=True),
    )
    settings = _settings()


class StoredMailingSchema(ma.Schema):
    """What a mailing says, to whom, and how it is sent."""

    id = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf([state.value for state in MailingState]))
    version = ma.fields.Integer(required=True)
    tested = ma.fields.Boolean(
        required=True,
        metadata={"description": N_("whether it was tested since its content changed")},
    )
    name = ma.fields.String(required=True)
    petitions = ma.fields.List(ma.fields.String(), required=True)
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(MailingTextSchema), required=True)
    settings = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Raw(allow_none=True), required=True)
    warnings = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": N_("what to look at before it is sent")}
    )


class MailingPreviewQuery(ma.Schema):
    """Which language."""

    language = ma.fields.String(validate=validate.OneOf(LANGUAGES))


class MailingPreviewSchema(ma.Schema):
    """A mailing as somebody made up would get it."""

    language = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    html = ma.fields.String(required=True)


class MailingsQuery(ma.Schema):
    """Which page."""

    before = ma.fields.Integer(
        validate=validate.Range(1, MAX_ID),
        metadata={"description": N_("the lowest “id” of the previous page")},
    )


class MailingActionSchema(ma.Schema):
    """What to do."""

    action = ma.fields.String(required=True, validate=validate.OneOf(ACTIONS))
    at = ma.fields.AwareDateTime(
        metadata={"description": N_("of schedule: when, with an offset; left out, after the time to undo it")}
    )
    reason = ma.fields.String(load_default="", metadata={"description": N_("of pause and cancel")})
    to = ma.fields.List(
        ma.fields.String(), validate=validate.Length(1, MAX_COLLEAGUES),
        metadata={"description": N_("of test: addresses of members of the team; left out, the token’s account")},
    )  # fmt: skip
    version = ma.fields.Integer(
        validate=validate.Range(1, MAX_VERSION),
        metadata={"description": N_("of the mailing as it was read: 409 if it changed since")},
    )


EXAMPLE_LISTED = {"id": 4, "name": "Première réponse", "state": "sending"}
EXAMPLE_REPORT = EXAMPLE_LISTED | {
    "version": 2, "reason": None, "sender_name": "Internet en prison", "subjects": {"fr": "Une première réponse"},
    "created_at": "2022-10-10T09:00:00+00:00", "send_at": None, "started_at": "2022-10-10T10:00:00+00:00",
    "ended_at": None, "audience": {"recipients": 512}, "recipients": 512, "states": {"sent": 120, "due": 392},
    "settled": 120, "waiting": 392, "per_minute": 60.0, "ends_at": "2022-10-10T10:09:00+00:00",
    "signatures": {"after": 12, "before": 3}, "bounced": 1, "unsubscribed": 2, "unsubscribed_by": {"these": 2},
    "reasons": [{"state": "deferred", "why": "greylisted", "n": 3, "response": "451 try again"}],
}  # fmt: skip
EXAMPLE_DRAFT = {
    "name": "Première réponse", "petitions": ["internet-en-prison"],
    "texts": {"fr": {"subject": "Une première réponse", "body": "Bonjour {{ name }},\n\nMerci."}},
}  # fmt: skip
EXAMPLE_STORED: dict[str, Any] = EXAMPLE_DRAFT | {
    "id": 4, "state": "draft", "version": 2, "tested": False, "settings": {"undo_minutes": 5}, "warnings": [],
    "texts": {"fr": {"subject": "Une première réponse", "preheader": "", "body": "Bonjour {{ name }},\n\nMerci."}},
}  # fmt: skip
EXAMPLE_CHANGE = {"version": 2, "texts": EXAMPLE_DRAFT["texts"]}
EXAMPLE_PREVIEW = {
    "language": "fr", "subject": "Une première réponse", "text": "Bonjour Camille Exemple,\n\nMerci.",
    "html": "<p>Bonjour Camille Exemple,</p><p>Merci.</p>",
}  # fmt: skip
