"""The rules for a petition's settings and texts: one schema for the desk's form and for petition files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask_babel import format_decimal, lazy_gettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from petition.core.exceptions import ValidationError
from petition.core.forms import InputField
from petition.core.i18n import LANGUAGES
from petition.petitions.field_parsers import (
    MAX_CHARACTERS,
    MAX_RETENTION_MONTHS,
    MAX_SHARE_CHARACTERS,
    MIN_NAMING_NUMBER,
    one_of,
    or_empty,
    parse_asks,
    parse_boolean,
    parse_challenge,
    parse_datetime,
    parse_mailed_text,
    parse_milestones,
    parse_naming_number,
    parse_passes_on_to,
    parse_professions,
    parse_reply_to,
    parse_retention_months,
    parse_sender_name,
    parse_share_text,
    parse_slug,
    parse_text,
    parse_timezone,
)
from petition.petitions.markdown import find_footnotes
from petition.petitions.models import DISPOSABLE_POLICIES, KINDS, LISTINGS, ChallengePolicy, DisposablePolicy, Listing
from petition.petitions.sharing.origins import MAX_ORIGINS, parse_origins

CHOICE_MESSAGE = lazy_gettext("Please choose one of these.")


@dataclass(frozen=True)
class Document:
    """A valid petition: the columns of its row, and those of its text in each language."""

    fields: dict[str, Any]
    texts: list[dict[str, Any]]


def footnote_message() -> str:
    """Return what to do about a footnote in a text."""
    return _("there are no footnotes here: write the note in brackets, or as a paragraph at the end")


def _lazy_number(field: str) -> LazyString:
    return LazyString(format_decimal, MAX_CHARACTERS[field])


def _text_field(name: str, message: Any) -> InputField:
    return InputField(lambda value: parse_text(name, value), message, required=True)


class TextInputSchema(ma.Schema):
    """A petition's text in one language."""

    title_message = lazy_gettext(
        "Give a title of one line, in up to %(number)s characters.", number=MAX_CHARACTERS["title"]
    )
    title = _text_field("title", title_message)
    summary_message = lazy_gettext("Sum it up in up to %(number)s characters.", number=MAX_CHARACTERS["summary"])
    summary = _text_field("summary", summary_message)
    addressee_message = lazy_gettext(
        "Say whom it is for, in up to %(number)s characters.", number=MAX_CHARACTERS["addressee"]
    )
    addressee = _text_field("addressee", addressee_message)
    body_message = lazy_gettext("Write the text, in up to %(number)s characters.", number=_lazy_number("body"))
    body = _text_field("body", body_message)
    professions = InputField(
        parse_professions, lazy_gettext("Write one on each line, in up to 120 characters."), load_default=list
    )
    email_message = lazy_gettext(
        "Write it in up to %(number)s characters, without web addresses, email addresses or telephone numbers: this "
        "email goes to people who may not have signed.",
        number=MAX_CHARACTERS["email_intro"],
    )
    email_intro = InputField(
        or_empty(lambda value: parse_mailed_text("email_intro", value)), email_message, load_default=""
    )
    email_closing = InputField(
        or_empty(lambda value: parse_mailed_text("email_closing", value)), email_message, load_default=""
    )
    thanks = InputField(
        or_empty(lambda value: parse_text("thanks", value)),
        lazy_gettext("Write it in up to %(number)s characters.", number=_lazy_number("thanks")),
        load_default="",
    )
    consent = InputField(
        or_empty(lambda value: parse_mailed_text("consent", value)),
        lazy_gettext(
            "Write it in up to %(number)s characters, without web addresses, email addresses or telephone numbers.",
            number=MAX_CHARACTERS["consent"],
        ),
        load_default="",
    )
    share_text = InputField(
        parse_share_text,
        lazy_gettext("Write them in one line, in up to %(number)s characters.", number=MAX_SHARE_CHARACTERS),
        load_default="",
    )

    @ma.validates("body")
    def _refuse_footnotes(self, value: str, **_kwargs: Any) -> None:
        if lines := find_footnotes(value):
            raise ma.ValidationError(_("line %(line)s: %(advice)s", line=lines[0], advice=footnote_message()))


NAMING_MESSAGE = lazy_gettext("Give a whole number, %(number)s at least.", number=MIN_NAMING_NUMBER)


class PetitionInputSchema(ma.Schema):
    """A petition's settings, and its texts by language."""

    slug = InputField(
        parse_slug,
        lazy_gettext(
            "Write it in lower-case letters, digits and single hyphens, in up to 80 characters; “new” and “preview” "
            "are reserved."
        ),
        required=True,
    )
    kind = InputField(one_of(KINDS), CHOICE_MESSAGE, required=True)
    default_language = InputField(
        one_of(tuple(LANGUAGES)), lazy_gettext("Please choose a language that the text is written in."), required=True
    )
    sender_message = lazy_gettext("Say who publishes this, in up to 120 characters.")
    sender_name = InputField(parse_sender_name, sender_message, required=True)
    reply_to = InputField(
        parse_reply_to,
        lazy_gettext("This does not look like a full email address. It should read like name@example.org."),
        load_default=None,
    )
    passes_on_to = InputField(
        parse_passes_on_to, lazy_gettext("Name who gets the details, in up to 200 characters."), load_default=None
    )
    timezone = InputField(
        parse_timezone,
        lazy_gettext("Give a time zone such as Europe/Paris."),
        load_default="Europe/Paris",
    )
    opens = InputField(parse_datetime, lazy_gettext("Give a day and a time."), load_default=None, attribute="opens_at")
    closes = InputField(
        parse_datetime,
        lazy_gettext("Give a day and a time, later than the opening."),
        load_default=None,
        attribute="closes_at",
    )
    asks = InputField(parse_asks, CHOICE_MESSAGE, load_default=lambda: ["profession"])
    listing = InputField(one_of(LISTINGS), CHOICE_MESSAGE, load_default=Listing.OPT_IN.value)
    disposable_addresses = InputField(
        one_of(DISPOSABLE_POLICIES), CHOICE_MESSAGE, load_default=DisposablePolicy.ACCEPT.value
    )
    challenge = InputField(parse_challenge, CHOICE_MESSAGE, load_default=ChallengePolicy.AUTOMATIC.value)
    list_indexed = InputField(parse_boolean, lazy_gettext("Choose yes or no."), load_default=False)
    named_total = InputField(parse_naming_number, NAMING_MESSAGE, load_default=None)
    named_profession = InputField(parse_naming_number, NAMING_MESSAGE, load_default=None)
    team_sees_withheld = InputField(parse_boolean, lazy_gettext("Choose yes or no."), load_default=False)
    statistics = InputField(
        parse_boolean, lazy_gettext("Choose yes or no."), load_default=True, attribute="statistics_public"
    )
    organisations = InputField(
        parse_boolean, lazy_gettext("Choose yes or no."), load_default=True, attribute="accepts_organisations"
    )
    embed_origins = InputField(
        parse_origins,
        lazy_gettext(
            "Write the address of one site on each line, such as https://www.example.org, up to %(number)s of them; a "
            "“*” for several is not possible.",
            number=MAX_ORIGINS,
        ),
        load_default=list,
    )
    milestones = InputField(
        parse_milestones,
        lazy_gettext("Give whole numbers, each larger than the one before: 100, 250, 500."),
        load_default=list,
    )
    retention_months = InputField(
        parse_retention_months,
        lazy_gettext("Give a whole number of months, from 1 to %(number)s.", number=MAX_RETENTION_MONTHS),
        load_default=None,
    )
    texts = ma.fields.Nested(
        ma.Schema.from_dict({language: ma.fields.Nested(TextInputSchema) for language in LANGUAGES}), load_default=dict
    )

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _require_default_text(self, data: dict[str, Any], original_data: Mapping[str, Any], **_: Any) -> None:
        """Require a text in the default language. Looks at the input, as a text with an error is not in `data`."""
        if "default_language" in data and data["default_language"] not in original_data.get("texts", {}):
            raise ma.ValidationError([self.fields["default_language"].error_messages["invalid"]], "default_language")

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_list_of_names(self, data: dict[str, Any], **_options: Any) -> None:
        """Require what names that wait are for: a list; of a profession, the question for it."""
        if data.get("named_profession") and "profession" not in data.get("asks", ("profession",)):
            raise ma.ValidationError([_("Ask for the profession, or leave this empty.")], "named_profession")
        if data.get("listing") == Listing.NONE:
            given = [name for name in ("named_total", "named_profession") if data.get(name)]
            if given:
                raise ma.ValidationError({name: [_("There is no list: leave this empty.")] for name in given})

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_closing_after_opening(self, data: dict[str, Any], **_: Any) -> None:
        opens_at, closes_at = _aware_dates(data)
        if opens_at and closes_at and closes_at <= opens_at:
            raise ma.ValidationError([self.fields["closes"].error_messages["invalid"]], "closes")

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_sender_in_consent(self, data: dict[str, Any], **_options: Any) -> None:
        """Require that the wording of the box for news says whose news it is: nobody agrees to mail from no one."""
        sender = data.get("sender_name")
        message = _("Say who sends the news: %(sender)s.", sender=sender)
        nameless = {
            f"{language}.consent": [message]
            for language, text in data.get("texts", {}).items()
            if sender and text.get("consent") and sender.casefold() not in text["consent"].casefold()
        }
        if nameless:
            raise ma.ValidationError(nameless)

    @ma.post_load
    def _make_document(self, data: dict[str, Any], **_: Any) -> Document:
        data["opens_at"], data["closes_at"] = _aware_dates(data)
        texts = [{"language": language, **text} for language, text in data.pop("texts").items()]
        return Document(data, texts)


class DraftTextSchema(TextInputSchema):
    """A text that is being written: what it has is checked, what is missing may be written later."""

    title = InputField(or_empty(lambda value: parse_text("title", value)), TextInputSchema.title_message)
    summary = InputField(or_empty(lambda value: parse_text("summary", value)), TextInputSchema.summary_message)
    addressee = InputField(or_empty(lambda value: parse_text("addressee", value)), TextInputSchema.addressee_message)
    body = InputField(or_empty(lambda value: parse_text("body", value)), TextInputSchema.body_message)


class DraftSchema(PetitionInputSchema):
    """A draft that the team opens later: only a title in its main language is required."""

    sender_name = InputField(or_empty(parse_sender_name), PetitionInputSchema.sender_message, load_default="")
    texts = ma.fields.Nested(
        ma.Schema.from_dict({language: ma.fields.Nested(DraftTextSchema) for language in LANGUAGES}), load_default=dict
    )

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _require_title(self, data: dict[str, Any], original_data: Mapping[str, Any], **_options: Any) -> None:
        language = data.get("default_language")
        if language and not original_data.get("texts", {}).get(language, {}).get("title"):
            message = _("Give it a title, so that you find it again. The rest can wait.")
            raise ma.ValidationError({f"{language}.title": [message]})

    @ma.validates_schema
    def _require_default_text(self, _data: dict[str, Any], **_options: Any) -> None:
        """Leave it to the title's rule, which says more."""


def _aware_dates(data: Mapping[str, Any]) -> list[datetime | None]:
    """Return the opening and closing moments; those without a time zone are in the petition's."""
    zone = ZoneInfo(data.get("timezone", "UTC"))
    moments = [data.get("opens_at"), data.get("closes_at")]
    return [moment.replace(tzinfo=zone) if moment and moment.tzinfo is None else moment for moment in moments]


def validate_petition(values: Mapping[str, Any], *, unfinished: bool = False) -> Document:
    """Return the petition that these values describe. Raises `ValidationError` with every field that is wrong.

    `unfinished`: as a draft, which needs a title and nothing else. `values` are the settings by name, without those
    that are not given, and under `texts` the texts by language; the error of a text is under `fr.title`.
    """
    try:
        return (DraftSchema() if unfinished else PetitionInputSchema()).load(values)
    except ma.ValidationError as error:
        raise ValidationError(_flatten_messages(error.messages_dict)) from None


def _flatten_messages(messages: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    errors: dict[str, str] = {}
    for name, value in messages.items():
        if name == "_schema" and isinstance(value, Mapping):
            errors |= _flatten_messages(value, prefix)
        elif isinstance(value, Mapping):
            errors |= _flatten_messages(value, "" if name == "texts" else f"{name}.")
        else:
            errors[f"{prefix}{name}"] = str(value[0])
    return errors
