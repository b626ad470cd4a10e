"""What changes of a public petition mean for those who signed and those who will."""

from collections.abc import Sequence

from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.petitions.counters import Count
from petition.petitions.editing.edits import FieldChange
from petition.petitions.models import DisposablePolicy, Listing


def describe_consequences(changes: Sequence[FieldChange], count: Count) -> list[str]:
    """Return what changes of a public petition mean for those who signed and those who will."""
    after = {change.field: change.after for change in changes}
    before = {change.field: change.before for change in changes}
    text_fields = {field.rpartition(".")[2] for field in after if "." in field}
    messages = []
    if count.confirmed and text_fields & {"title", "summary", "addressee", "body"}:
        messages.append(
            _(
                "Everyone who signed agreed to the present text. Correct mistakes in it, but do not change what they "
                "agreed to."
            )
        )
    for language in LANGUAGES:
        if before.get(f"{language}.body") and not after.get(f"{language}.body", "unchanged"):
            messages.append(_("%(language)s is no longer offered.", language=LANGUAGES[language]))
    if "consent" in text_fields:
        messages.append(
            _(
                "People who ask for news from now on agree to the new wording. Those who did before agreed to the old "
                "one, which is kept with their signature."
            )
        )
    known = {
        "sender_name": _(
            "People who ask for news from now on agree to this name. Those who did before agreed to the old one."
        ),
        "asks": _("The form asks for this from now on. Answers given before are kept."),
        "listing": _("The names are removed from the public page at once.")
        if after.get("listing") == Listing.NONE
        else _("The names of those who agreed, and only those, appear on the public page at once."),
        "list_indexed": _("Whoever searches the web for a signatory’s name may find it in the list.")
        if after.get("list_indexed")
        else _("Search engines drop the list of names when they next read it: within days or weeks."),
        "named_total": _("Those who signed before keep the number that they were promised."),
        "named_profession": _("Those who signed before keep the number that they were promised."),
        "team_sees_withheld": _("This holds for those who sign from now on, and the form tells them."),
        "statistics": _("Everybody sees how many signed when, and their professions and places in groups.")
        if after.get("statistics")
        else _("The page of statistics is taken down."),
        "disposable_addresses": _("Signatures that were confirmed before are set aside, too, within a minute.")
        if after.get("disposable_addresses") == DisposablePolicy.QUARANTINE
        else _("Signatures that were confirmed before are kept as they are."),
        "challenge": _("The form asks browsers for the check, or no longer does, within seconds."),
        "organisations": _("Organisations can sign from now on.")
        if after.get("organisations")
        else _("Organisations can no longer sign. Those that did are kept."),
        "embed_origins": _("The form is shown on these sites, and on no others, within seconds.")
        if after.get("embed_origins")
        else _("No other site shows the form any more."),
        "opens": _("People can sign from the opening date to the closing date, to the minute."),
        "closes": _("People can sign from the opening date to the closing date, to the minute."),
        "retention_months": _(
            "The page “Data kept” says when names and addresses are erased; the team is notified before."
        ),
    }
    return list(dict.fromkeys(messages + [known[field] for field in after if field in known]))
