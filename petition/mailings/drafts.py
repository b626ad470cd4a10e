"""Write a mailing: its words, its audience, its pace; what cannot be sent is refused on saving, with its line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from flask_babel import format_decimal
from flask_babel import gettext as _

from petition.core.db import db
from petition.core.exceptions import DomainError, ValidationError
from petition.core.i18n import LANGUAGES
from petition.mailings import lifecycle
from petition.mailings.audience.segment import Segment, parse_segment
from petition.mailings.content.placeholders import ParseErrors, validate_placeholders
from petition.mailings.content.rendering import validate_links_and_nesting
from petition.mailings.models import Mailing, MailingText
from petition.petitions.models import Petition
from petition.petitions.validation import is_printable_text
from petition.safeguards.email_addresses import BadAddress, parse_reply_address
from petition.team import audit

MAX_CHARACTERS = {"subject": 200, "preheader": 200, "body": 50_000}
MAX_VALUES = {"per_hour": 10_000_000, "per_domain_hour": 10_000_000, "warm_up": 10_000_000, "undo_minutes": 1440}
PERCENTAGE_FIELDS = ("failure_limit", "unsubscribe_limit")


class EditConflict(DomainError):
    """Somebody else has saved the mailing since this version of it was opened."""

    def __init__(self) -> None:
        super().__init__({"version": _("somebody else has saved this mailing meanwhile")})


@dataclass
class Draft:
    """A mailing as it was typed, made clean."""

    fields: dict[str, Any] = field(default_factory=dict)
    segment: Segment = field(default_factory=Segment)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)


def parse_draft(form: Mapping[str, Any]) -> Draft:
    """Return a clean draft out of what was typed. Raises `Refusal` with every field that needs help.

    The words of a language are under `subject_fr`, `preheader_fr`, `body_fr`; a language without a word is left out.
    """
    errors: dict[str, str] = {}
    draft = Draft()
    draft.texts = {language: text for language in LANGUAGES if (text := _parse_text(form, language, errors))}
    if not draft.texts and not errors:
        errors[f"subject_{next(iter(LANGUAGES))}"] = _("write the mailing in at least one language")
    draft.fields = {
        name: _parse_line(form, name, longest, errors) for name, longest in (("name", 120), ("sender_name", 120))
    }
    for name in ("name", "sender_name"):
        if not draft.fields[name]:
            errors.setdefault(name, _("write something here"))
    draft.fields["reply_to"] = _parse_reply_to(form, errors)
    draft.fields["timezone"] = _parse_timezone(form, errors)
    draft.fields["public"] = str(form.get("public") or "").lower() in ("on", "true", "1", "yes")
    _parse_rates_and_limits(form, draft.fields, errors)
    try:
        draft.segment = parse_segment(form)
        _check_petitions_exist(draft.segment, errors)
    except DomainError as refusal:
        errors |= refusal.errors
    if errors:
        raise ValidationError(errors)
    return draft


def _single_line(form: Mapping[str, Any], name: str) -> str:
    """Return what was typed with its line breaks, which were pasted, as spaces."""
    return " ".join(str(form.get(name) or "").split())


def _parse_line(form: Mapping[str, Any], name: str, longest: int, errors: dict[str, str]) -> str:
    value = _single_line(form, name)
    if len(value) > longest or not value.isprintable():
        errors[name] = _("keep this to one line of up to %(number)s characters", number=longest)
    return value


def _parse_reply_to(form: Mapping[str, Any], errors: dict[str, str]) -> str | None:
    value = _parse_line(form, "reply_to", 254, errors)
    try:
        return parse_reply_address(value) if value else None
    except BadAddress:
        errors["reply_to"] = _("this is not an email address")
        return None


def _parse_timezone(form: Mapping[str, Any], errors: dict[str, str]) -> str:
    value = str(form.get("timezone") or "Europe/Paris")
    if value not in available_timezones():
        errors["timezone"] = _("write a time zone such as Europe/Paris")
    return value


def _parse_rates_and_limits(form: Mapping[str, Any], fields: dict[str, Any], errors: dict[str, str]) -> None:
    for name, most in MAX_VALUES.items():
        value = str(form.get(name) if form.get(name) is not None else "").strip()
        if value and not (value.isascii() and value.isdigit() and len(value) <= 20 and int(value) <= most):
            errors[name] = _("write a whole number up to %(number)s, or nothing", number=format_decimal(most))
        elif name == "undo_minutes":
            fields[name] = int(value) if value else 5
        else:
            fields[name] = int(value) or None if value else None
    for name, default in zip(PERCENTAGE_FIELDS, (5.0, 2.0), strict=True):
        value = str(form.get(name) if form.get(name) is not None else "").strip().replace(",", ".").rstrip("% ")
        if value and not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", value):
            errors[name] = _("write a percentage such as 5")
        else:
            fields[name] = min(float(value or default), 100.0) / 100


def _parse_text(form: Mapping[str, Any], language: str, errors: dict[str, str]) -> dict[str, str] | None:
    text = {part: _single_line(form, f"{part}_{language}") for part in MAX_CHARACTERS}
    text["body"] = str(form.get(f"body_{language}") or "").replace("\r\n", "\n").strip()
    if not any(text.values()):
        return None
    for part, longest in MAX_CHARACTERS.items():
        name, value = f"{part}_{language}", text[part]
        if part != "preheader" and not value:
            errors[name] = _("write something here, or leave the whole language empty")
        elif len(value) > longest:
            errors[name] = _("keep this within %(number)s characters", number=format_decimal(longest))
        elif not is_printable_text(value):
            errors[name] = _("this has characters that are not text: type it again")
        elif found := validate_body(value) if part == "body" else validate_placeholders(value):
            errors[name] = "; ".join(_("line %(line)s: %(advice)s", line=line, advice=advice) for line, advice in found)
    return text


def validate_body(body: str) -> ParseErrors:
    """Return what is wrong with a body's placeholders and links, each as (line, what to do); not with its length."""
    return (
        (validate_placeholders(body) or validate_links_and_nesting(body)) if len(body) <= MAX_CHARACTERS["body"] else []
    )


def _check_petitions_exist(segment: Segment, errors: dict[str, str]) -> None:
    known = db.session.query(Petition.id).filter(Petition.id.in_(segment.petitions)).count()
    if known != len(segment.petitions):
        errors["petitions"] = _("choose from the petitions that are there")


def create(draft: Draft, by: str) -> Mailing:
    """Make a mailing out of a draft. Flushes."""
    mailing = Mailing(written_by=by, segment=draft.segment.to_dict(), **draft.fields)
    mailing.texts = {language: MailingText(language=language, **text) for language, text in draft.texts.items()}
    db.session.add(mailing)
    db.session.flush()
    audit.record("mailing.create", "mailing", mailing.id, after={"name": mailing.name, "segment": mailing.segment})
    return mailing


def edit(mailing: Mailing, draft: Draft, version: int) -> bool:
    """Save a draft over the version it was made from; returns whether anything changed, which calls for a new test.

    The caller holds the mailing's lock. Flushes. Raises `Outdated`, or `Nonsense` once it is scheduled.
    """
    if not lifecycle.can_transition("edit", mailing):
        raise lifecycle.InvalidMailingTransition("edit", mailing)
    if mailing.version != version:
        raise EditConflict
    changed = {name for name, value in draft.fields.items() if getattr(mailing, name) != value}
    changed |= {"segment"} if mailing.segment != draft.segment.to_dict() else set()
    changed |= {
        f"text {language}" for language in LANGUAGES if _stored_text(mailing, language) != draft.texts.get(language)
    }
    if not changed:
        return False
    for name, value in draft.fields.items():
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
    lifecycle.transition("edit", mailing, version=mailing.version, changed=sorted(changed))
    return True


def _stored_text(mailing: Mailing, language: str) -> dict[str, str] | None:
    text = mailing.texts.get(language)
    return {part: getattr(text, part) for part in MAX_CHARACTERS} if text else None
