"""The privacy notice that the form suggests: true of this software, to be completed by whoever publishes."""

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES


def suggest_texts() -> dict[str, str]:
    """Return the values of the form that a first notice starts from: the privacy notice in each language."""
    suggested = {}
    for language in LANGUAGES:
        with force_locale(language):
            suggested[f"{language}.privacy"] = _build_privacy_notice()
    return suggested


def _build_privacy_notice() -> str:
    config = current_app.config
    months, days = config["PETITION_KEEP_SIGNATURES"], config["CONFIRM_WITHIN"]
    sections = [
        (
            _("Who answers for your data"),
            _("Whoever publishes, named above, decides what your data is used for, and answers your questions."),
        ),
        (
            _("What is used, and for what"),
            _(
                "Your name and email address, and what else you give, serve to count your signature once, to have you "
                "confirm it, and to hand the signatures over to whom the letter is for. You agree to it when you sign; "
                "as a signature can show what you think, nothing is done with it beyond that. Your name is shown in "
                "the public list only if you tick the box, and news comes by email only if you ask for it."
            ),
        ),
        (
            _("Who sees it"),
            _(
                "The team of this campaign, and who hosts the site and carries its emails, for us. Nothing is sold, "
                "and these pages load nothing from other sites and follow nobody."
            ),
        ),
        (
            _("How long it is kept"),
            _(
                "A signature that is not confirmed is deleted after %(days)s days. Names, addresses and towns are "
                "erased %(months)s months after signing closed, or earlier where the petition says so; what stays is "
                "counts.",
                days=days,
                months=months,
            ),
        ),
        (
            _("Your rights"),
            _(
                "The link in each email leads to a page of your own, where you see all that is held about you, correct "
                "it, download it, withdraw your signature, or erase it. You can also write to us. If our answer does "
                "not satisfy you, you can complain to the CNIL (www.cnil.fr), or to the authority of your country."
            ),
        ),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
