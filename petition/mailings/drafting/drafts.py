"""Drafts of a mailing: validate what the form or a file says, create, edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.optimistic_lock import require_version
from petition.mailings import lifecycle
from petition.mailings.audience.segment import Segment, parse_segment, segment_from_dict
from petition.mailings.content.placeholders import ParseErrors, validate_placeholders
from petition.mailings.content.rendering import validate_links_and_nesting
from petition.mailings.drafting import form_fields
from petition.mailings.models import TRIGGERS, Mailing, MailingState, MailingText, Trigger
from petition.mailings.partner_senders import parse_sender
from petition.petitions import queries as petition_queries
from petition.petitions.markdown import find_footnotes
from petition.petitions.models import Petition
from petition.petitions.validation import footnote_message
from petition.team import audit
from petition.team.models import Account

MAX_BODY_CHARACTERS = 50_000
MAX_NAME_CHARACTERS = 120
MAX_EMAILS_PER_HOUR = 10_000_000
MAX_TRIGGER_VALUE = 100_000_000
MAX_DAYS_AFTER = 365
TEXT_PARTS = ("subject", "preheader", "body")
# What no recipient sees: a change needs no new test.
UNSEEN_SETTINGS = frozenset((
    "name", "per_hour", "per_domain_hour", "warm_up", "undo_minutes", "failure_limit", "unsubscribe_limit", "timezone",
))  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """What the form or a file says, validated."""

    settings: dict[str, Any]
    segment: Segment
    texts: dict[str, dict[str, str]]  # by language


def validate_body(body: str) -> ParseErrors:
    """Return what is wrong in a body, each as (line, what to do): placeholders, links, footnotes; not its length."""
    if len(body) > MAX_BODY_CHARACTERS:
        return []
    if found := validate_placeholders(body) or validate_links_and_nesting(body):
        return found
    return [(line, footnote_message()) for line in find_footnotes(body)]


class SettingsSchema(ma.Schema):
    """The settings of a mailing; their names are those of its columns."""

    name = form_fields.Line(MAX_NAME_CHARACTERS, needed=True)
    sender_name = form_fields.Line(120)
    reply_to = form_fields.ReplyTo()
    timezone = form_fields.TimeZone()
    trigger = form_fields.Choice(TRIGGERS)
    trigger_value = form_fields.WholeNumber(MAX_TRIGGER_VALUE, zero=True)
    public = form_fields.Flag()
    per_hour = form_fields.WholeNumber(MAX_EMAILS_PER_HOUR)
    per_domain_hour = form_fields.WholeNumber(MAX_EMAILS_PER_HOUR)
    warm_up = form_fields.WholeNumber(MAX_EMAILS_PER_HOUR)
    undo_minutes = form_fields.WholeNumber(1440, default=5, zero=True)
    failure_limit = form_fields.Percentage(5.0)
    unsubscribe_limit = form_fields.Percentage(2.0)

    @ma.validates_schema
    def _validate_trigger(self, data: dict[str, Any], **_kwargs: Any) -> None:
        trigger, value = data["trigger"], data["trigger_value"]
        if trigger == Trigger.MILESTONE and not value:
            raise ma.ValidationError(_("write the number of signatures"), "trigger_value")
        if trigger == Trigger.CONFIRMED and (value or 0) > MAX_DAYS_AFTER:
            raise ma.ValidationError(
                _("write a number of days up to %(number)s", number=MAX_DAYS_AFTER), "trigger_value"
            )


class TextSchema(ma.Schema):
    """The text of a mailing in one language."""

    subject = form_fields.Content(200, validate_placeholders)
    preheader = form_fields.Content(200, validate_placeholders, needed=False)
    body = form_fields.Content(MAX_BODY_CHARACTERS, validate_body, lines=True)


def parse_draft(form: Mapping[str, Any], author: Account | None = None) -> Draft:
    """Return the validated draft. Raises `ValidationError` with one message for each wrong field.

    The text of a language is in `subject_fr`, `preheader_fr` and `body_fr`; a language with all of them empty is left
    out. Without a sender name, the first petition's is taken, and its reply-to address. `author`: who
    writes it, in the name of whose partner it may be (`partner`); None for a command.
    """
    errors: dict[str, str] = {}
    settings, segment = {}, Segment()
    texts: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        try:
            if text := parse_text(form, language):
                texts[language] = text
        except ValidationError as error:
            errors |= error.errors
    if not texts and not errors:
        errors[f"subject_{next(iter(LANGUAGES))}"] = _("write the mailing in at least one language")
    try:
        settings = form_fields.load(SettingsSchema(), form)
    except ValidationError as error:
        errors |= error.errors
    try:
        segment = parse_segment(form)
        first, *_others = _find_petitions(segment)
        partner = parse_sender(form, author, segment.to_dict())
        settings["partner_id"] = partner.id if partner else None
        if partner:
            settings["sender_name"] = partner.name
            settings["reply_to"] = settings.get("reply_to") or partner.reply_to
        elif not settings.get("sender_name"):
            settings["sender_name"] = first.sender_name
            settings["reply_to"] = settings.get("reply_to") or first.reply_to
    except ValidationError as error:
        errors |= error.errors
    if errors:
        raise ValidationError(errors)
    return Draft(settings, segment, texts)


def parse_text(form: Mapping[str, Any], language: str) -> dict[str, str] | None:
    """Return the validated text of a language, None where nothing was written. Raises `ValidationError`."""
    submitted = {part: form.get(f"{part}_{language}") or "" for part in TEXT_PARTS}
    if not any(form_fields.single_line(value) for value in submitted.values()):
        return None
    try:
        return form_fields.load(TextSchema(), submitted)
    except ValidationError as error:
        raise ValidationError({f"{part}_{language}": message for part, message in error.errors.items()}) from None


def _find_petitions(segment: Segment) -> list[Petition]:
    found = {petition.id: petition for petition in petition_queries.list_all()}
    if any(id not in found for id in segment.petitions):
        raise ValidationError({"petitions": _("choose petitions from the list")})
    return [found[id] for id in segment.petitions]


def create(draft: Draft, by: str) -> Mailing:
    """Create a mailing from a draft. Flushes."""
    mailing = Mailing(written_by=by, segment=draft.segment.to_dict(), **draft.settings)
    mailing.texts = {language: MailingText(language=language, **text) for language, text in draft.texts.items()}
    db.session.add(mailing)
    db.session.flush()
    audit.record("mailing.create", "mailing", mailing.id, after={"name": mailing.name, "segment": mailing.segment})
    return mailing


def edit(mailing: Mailing, draft: Draft, version: str | None) -> bool:
    """Save a draft over the version it was made from; returns whether anything changed. Flushes.

    A change of what recipients see requires a new test. A paused mailing can be corrected for those who have not got it
    yet; who they are, and what starts it, stays as it is. The caller locks the mailing. Raises `EditConflict`,
    `InvalidMailingTransition` while the mailing is scheduled, sent or ended, or `ValidationError`.
    """
    action = "correct" if mailing.state == MailingState.PAUSED else "edit"
    lifecycle.require_transition(action, mailing)
    require_version(mailing.version, version)
    changed = {name for name, value in draft.settings.items() if getattr(mailing, name) != value}
    changed |= {"segment"} if mailing.segment != draft.segment.to_dict() else set()
    changed |= {
        f"text {language}" for language in LANGUAGES if _stored_text(mailing, language) != draft.texts.get(language)
    }
    if not changed:
        return False
    if action == "correct" and changed & {"segment", "partner_id"}:
        raise ValidationError({"petitions": _("the recipients of a mailing that has begun stay as they are")})
    if action == "correct" and "trigger" in changed:
        raise ValidationError({"trigger": _("a mailing that has begun stays automatic, or not")})
    for name, value in draft.settings.items():
        setattr(mailing, name, value)
    mailing.segment = draft.segment.to_dict()
    for language in LANGUAGES:
        if language not in draft.texts:
            mailing.texts.pop(language, None)
        elif language in mailing.texts:
            for part, value in draft.texts[language].items():
                setattr(mailing.texts[language], part, value)
        else:
            mailing.texts[language] = MailingText(language=language, **draft.texts[language])
    mailing.version += 1
    if changed <= UNSEEN_SETTINGS:
        action = "adjust"
    else:
        mailing.content_version = mailing.version
    lifecycle.transition(action, mailing, version=mailing.version, changed=sorted(changed))
    return True


def _stored_text(mailing: Mailing, language: str) -> dict[str, str] | None:
    text = mailing.texts.get(language)
    return {part: getattr(text, part) for part in TEXT_PARTS} if text else None


def duplicate(mailing: Mailing, by: str) -> Mailing:
    """Create a draft with the texts, recipients and settings of a mailing. Flushes."""
    settings = {name: getattr(mailing, name) for name in ("partner_id", *SettingsSchema().fields)}
    settings["name"] = _("Copy of %(name)s", name=mailing.name)[:MAX_NAME_CHARACTERS]
    texts = {language: _stored_text(mailing, language) or {} for language in mailing.texts}
    return create(Draft(settings, segment_from_dict(mailing.segment), texts), by)
