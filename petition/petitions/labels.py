"""Labels of the pages about petitions: fields, values, states, statistics, sources."""

from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES, current_language
from petition.core.languages.countries import list_countries
from petition.petitions.markdown import Dropped
from petition.petitions.models import ChallengePolicy, DisposablePolicy, Petition, PetitionState
from petition.petitions.sharing.channels import PARTNER_PREFIX, SOURCE_PREFIX


def field_label(field: str) -> str:
    """Return the label of a field of the form; that of a text names its language."""
    language, dot, name = field.rpartition(".")
    names = {
        "kind": _("Kind"),
        "slug": _("Address"),
        "default_language": _("Main language"),
        "sender_name": _("Published by"),
        "reply_to": _("Replies go to"),
        "opens": _("Opens"),
        "closes": _("Closes"),
        "timezone": _("Time zone"),
        "asks": _("What signers are asked"),
        "listing": _("Public list of names"),
        "list_indexed": _("Search engines may index the list of names"),
        "named_total": _("Show names once this many people have signed"),
        "named_profession": _("Show names once this many people of the same profession have signed"),
        "team_sees_withheld": _("The team sees the names that wait"),
        "statistics": _("Statistics are public"),
        "organisations": _("Organisations may sign"),
        "milestones": _("Goals"),
        "disposable_addresses": _("Disposable addresses"),
        "challenge": _("Check by the browser"),
        "passes_on_to": _("Signers may agree to be passed on to"),
        "retention_months": _("Months until names are erased"),
        "embed_origins": _("Sites that may embed it"),
        "title": _("Title"),
        "summary": _("Summary"),
        "addressee": _("Addressee"),
        "body": _("Text"),
        "professions": _("Professions to suggest"),
        "email_intro": _("Beginning of the confirmation email"),
        "email_closing": _("End of the confirmation email"),
        "thanks": _("Thank-you page"),
        "consent": _("Box for news by email"),
        "share_text": _("Suggested text for sharing"),
    }
    return _("%(field)s, in %(language)s", field=names[name], language=LANGUAGES[language]) if dot else names[name]


def value_label(field: str, value: str) -> str:
    """Return the label of a field's value."""
    known = {
        ("kind", "petition"): _("petition"),
        ("kind", "open_letter"): _("open letter"),
        ("listing", "opt_in"): _("those who agree"),
        ("listing", "none"): _("no list"),
        **{("disposable_addresses", policy): label for policy, label in disposable_policy_labels().items()},
        **{("challenge", policy): label for policy, label in challenge_policy_labels().items()},
        ("list_indexed", "on"): _("yes"),
        ("list_indexed", ""): _("no"),
        ("team_sees_withheld", "on"): _("yes"),
        ("team_sees_withheld", ""): _("no"),
        ("statistics", "on"): _("yes"),
        ("statistics", ""): _("no"),
        ("organisations", "on"): _("yes"),
        ("organisations", ""): _("no"),
    }
    if field == "asks":
        return ", ".join(ask_labels()[ask] for ask in value.split(", ") if ask in ask_labels())
    if field in ("opens", "closes"):
        return value.replace("T", " ")
    return known.get((field, value), LANGUAGES.get(value, value) if field == "default_language" else value)


def disposable_policy_labels() -> dict[str, str]:
    """Return what may happen to disposable addresses."""
    return {
        DisposablePolicy.ACCEPT: _("count as any other"),
        DisposablePolicy.QUARANTINE: _("are set aside, for the team to decide"),
        DisposablePolicy.REFUSE: _("are refused by the form, which asks for another"),
    }


def challenge_policy_labels() -> dict[str, str]:
    """Return when the form may ask for a proof of work."""
    return {
        ChallengePolicy.AUTOMATIC: _("while unusually many unconfirmed signatures arrive"),
        ChallengePolicy.ON: _("always"),
        ChallengePolicy.OFF: _("never"),
    }


def ask_labels() -> dict[str, str]:
    """Return the labels of what a petition may ask its signers for."""
    return {
        "profession": _("Profession or role"),
        "city": _("Town"),
        "postal_code": _("Postal code"),
        "country": _("Country"),
    }


def petition_state_label(state: str) -> str:
    """Return the label of a petition's state."""
    labels: dict[str, str] = {
        PetitionState.DRAFT: _("draft"),
        PetitionState.OPEN: _("open"),
        PetitionState.CLOSED: _("closed to signing"),
        PetitionState.ARCHIVED: _("archived"),
    }
    return labels[state]


def transition_labels(petition: Petition, change: str) -> dict[str, str]:
    """Return the texts of a change of state: its title, what it did, and why it is not possible."""
    is_reopening = petition.state_now == PetitionState.CLOSED
    return {
        "open": {
            "title": _("Open again") if is_reopening else _("Open"),
            "done": _("It is open: people can sign."),
            "impossible": _(
                "It cannot be opened: put an archived petition back online first; one whose closing date has passed "
                "needs a later one."
            ),
        },
        "close": {
            "title": _("Close"),
            "done": _("It is closed: nobody can sign any more."),
            "impossible": _("Only an open petition can be closed."),
        },
        "archive": {
            "title": _("Archive"),
            "done": _("It is archived: its text and names are taken down, its signatures are kept."),
            "impossible": _("Only a closed petition can be archived."),
        },
        "restore": {
            "title": _("Put back online"),
            "done": _("It is public again, and closed to signing."),
            "impossible": _("Only an archived petition can be put back online."),
        },
        "won": {
            "title": _("Mark as won"),
            "done": _("Its page says that it is won."),
            "impossible": _("Only a petition that was open, and is not won yet, can be won."),
        },
        "not-won": {
            "title": _("Take back that it is won"),
            "done": _("Its page no longer says that it is won."),
            "impossible": _("It is not marked as won."),
        },
    }[change]


def dropped_message(dropped: Dropped) -> str:
    """Return what of a text is not shown as it was meant, where, and what to do."""
    message = {
        "image": _("this image is not shown: upload it, and write the line that its page gives you"),
        "alt": _("this image is not shown without a description: write it between the square brackets"),
        "html": _("HTML is shown as it is typed: write Markdown instead"),
        "strikethrough": _("there is no struck-out text: delete it, or leave it plain"),
        "link": _("this link is not one: it must begin with https://, http:// or mailto:"),
        "email_image": _("emails show no images: link to a page that shows it"),
        "table": _("emails show no tables: write a list instead"),
        "code": _("emails show this as plain text: begin its lines without spaces or quotes"),
    }[dropped.kind]
    return _("line %(line)s: %(advice)s", line=dropped.line, advice=message)


def dimension_label(dimension: str) -> str:
    """Return the label of a dimension of the statistics."""
    return {
        "source": _("Source"),
        "language": _("Language"),
        "profession": _("Profession or role"),
        "city": _("Town"),
        "area": _("Postal codes that begin with"),
        "country": _("Country"),
    }[dimension]


def dimension_value_label(dimension: str, label: str) -> str:
    """Return the label of a value of a dimension."""
    if dimension == "language":
        return LANGUAGES.get(label, label)
    if dimension == "country":
        return dict(list_countries(current_language())).get(label, label)
    return source_label(label) if dimension == "source" else label


def source_label(source: str) -> str:
    """Return the label of where signatures come from."""
    known = {"page": _("petition page"), "api": _("JSON API"), "widget": _("embedded form")}
    if source.startswith(SOURCE_PREFIX):
        return _("passed on: %(channel)s", channel=share_channel_label(source.removeprefix(SOURCE_PREFIX)))
    if source.startswith(PARTNER_PREFIX):
        return _("partner: %(name)s", name=source.removeprefix(PARTNER_PREFIX))
    return known.get(source, source)


def share_channel_label(channel: str) -> str:
    """Return the name of a channel through which people pass a petition on."""
    known = {"device": _("another app"), "link": _("copied link"), "email": _("email")}
    names = {
        "whatsapp": "WhatsApp", "signal": "Signal", "telegram": "Telegram", "mastodon": "Mastodon",
        "bluesky": "Bluesky", "facebook": "Facebook",
    }  # fmt: skip
    return (known | names).get(channel, channel)
