"""Preflight checks before a mailing is sent: warnings, none of which prevents it."""

import re

from flask_babel import gettext as _
from flask_babel import ngettext

from petition.core.i18n import LANGUAGES, current_language
from petition.mailings.audience.preview import is_count_current, sample_recipients
from petition.mailings.content.markdown_to_text import find_links
from petition.mailings.content.rendering import expand_variants
from petition.mailings.emails import build_preview
from petition.mailings.models import Mailing
from petition.petitions import queries as petition_queries
from petition.petitions.labels import dropped_message
from petition.petitions.markdown import find_dropped_in_email
from petition.petitions.models import Petition

GAP_PATTERN = re.compile(r"\[[^\[\]\n]+\](?![(\[:])")  # "[day and month]", as templates have it; not a link
MAX_SUBJECT_CHARACTERS = 70  # phones show about 40, desktops 60 to 70
MAX_MESSAGE_BYTES = 100 * 1024  # Gmail cuts a message at 102 KB


def run_preflight_checks(mailing: Mailing) -> list[str]:
    """Return the warnings about a mailing, each a sentence in the current language."""
    warnings = []
    counted = (mailing.audience or {}).get("languages", {}) if is_count_current(mailing) else {}
    for language, n in counted.items():
        if language not in mailing.texts and n:
            name = LANGUAGES.get(language, language)
            warnings.append(
                ngettext(
                    "%(num)s recipient reads %(language)s, which has no text: it will be in another language.",
                    "%(num)s recipients read %(language)s, which has no text: it will be in another language.",
                    n, language=name,
                )
            )  # fmt: skip
    for petition in _find_other_senders(mailing):
        warnings.append(
            _("Those who signed “%(title)s” agreed to news from “%(consented)s”; this comes from “%(sender)s”.",
              title=petition.titled_text_in(current_language()).title, consented=petition.sender_name,
              sender=mailing.sender_name)
        )  # fmt: skip
    for language, text in sorted(mailing.texts.items()):
        name = LANGUAGES.get(language, language)
        for gap in dict.fromkeys(GAP_PATTERN.findall(f"{text.subject} {text.preheader} {text.body}")):
            warnings.append(_("%(language)s: %(gap)s is still to be filled in.", language=name, gap=gap))
        for dropped in find_dropped_in_email(text.body):
            warnings.append(_("%(language)s: %(gap)s.", language=name, gap=dropped_message(dropped)))
        for link in sorted(_find_insecure_links(text.body)):
            warnings.append(_("%(language)s: %(link)s is not an https address.", language=name, link=link))
    warnings += _check_sizes(mailing)
    if is_count_current(mailing) and not (mailing.audience or {}).get("recipients"):
        warnings.append(_("This mailing has no recipient."))
    return warnings


def _find_other_senders(mailing: Mailing) -> list[Petition]:
    """Return the petitions whose signers agreed to news from another name than the mailing's."""
    if mailing.partner_id:  # its signers agreed to that very partner's news
        return []
    chosen = set(mailing.segment["petitions"])
    return [
        petition
        for petition in petition_queries.list_all()
        if petition.id in chosen and petition.sender_name.casefold() != mailing.sender_name.casefold()
    ]


def _find_insecure_links(source: str) -> set[str]:
    addresses = {address for body in expand_variants(source) for _line, address in find_links(body)}
    return {address for address in addresses if not address.lower().startswith(("https://", "mailto:", "#"))}


def _check_sizes(mailing: Mailing) -> list[str]:
    warnings = []
    signer = sample_recipients(mailing, 1)[0]
    for language in sorted(mailing.texts):
        email = build_preview(mailing, signer, language)
        name, length, size = LANGUAGES.get(language, language), len(email.subject), len(email.as_bytes())
        if length > MAX_SUBJECT_CHARACTERS:
            warnings.append(
                _(
                    "%(language)s: the subject has %(number)s characters; many mail programs cut it at %(limit)s.",
                    language=name,
                    number=length,
                    limit=MAX_SUBJECT_CHARACTERS,
                )
            )
        if size > MAX_MESSAGE_BYTES:
            warnings.append(_("%(language)s: the email has %(size)s KB; Gmail cuts off what is over 100 KB.",
                           language=name, size=size // 1024))  # fmt: skip
    return warnings
