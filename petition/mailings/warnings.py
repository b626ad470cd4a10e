"""What to look at before a mailing goes: nothing here forbids it."""

from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.mailings.audience import is_counted, sample
from petition.mailings.emails import letter, petitions_of
from petition.mailings.models import Mailing
from petition.mailings.plain import links
from petition.mailings.typeset import bodies

LONG_SUBJECT = 70  # characters; phones show about 40, desktops 60 to 70
LARGE = 100 * 1024  # octets; Gmail cuts a message at 102 KB


def warnings(mailing: Mailing) -> list[str]:
    """Return what may be wrong with a mailing, each in a sentence in the reader's language."""
    found = []
    counted = (mailing.audience or {}).get("languages", {}) if is_counted(mailing) else {}
    for language, n in counted.items():
        if language not in mailing.texts and n:
            name = LANGUAGES.get(language, language)
            found.append(_("%(number)s recipients read %(language)s, which is not written: they get another language.",
                           number=n, language=name))  # fmt: skip
    for language, text in sorted(mailing.texts.items()):
        name = LANGUAGES.get(language, language)
        for link in sorted(_insecure(text.body)):
            found.append(_("%(language)s: %(link)s is not an https address.", language=name, link=link))
    found += _sizes(mailing)
    if is_counted(mailing) and not (mailing.audience or {}).get("recipients"):
        found.append(_("Nobody would get this mailing as it stands."))
    return found


def _insecure(source: str) -> set[str]:
    addresses = {address for body in bodies(source) for _line, address in links(body)}
    return {address for address in addresses if not address.lower().startswith(("https://", "mailto:", "#"))}


def _sizes(mailing: Mailing) -> list[str]:
    found = []
    signer = sample(mailing, 1)[0]
    petitions, counted = petitions_of({signer.petition_id})
    petition = petitions[signer.petition_id]
    for language in sorted(mailing.texts):
        email = letter(mailing, signer, petition, counted[petition.id], None, language=language)
        name, length, size = LANGUAGES.get(language, language), len(email.subject), len(email.as_bytes())
        if length > LONG_SUBJECT:
            found.append(_("%(language)s: the subject has %(number)s characters; many programs cut it at %(limit)s.",
                           language=name, number=length, limit=LONG_SUBJECT))  # fmt: skip
        if size > LARGE:
            found.append(_("%(language)s: the email weighs %(size)s KB; Gmail cuts what is over 100 KB.",
                           language=name, size=size // 1024))  # fmt: skip
    return found
