"""Validate and normalise a signer's details, with a message for each field that needs correction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES, current_language
from petition.core.languages.countries import is_country
from petition.petitions.models import Petition
from petition.safeguards.email_addresses import Address, BadAddress, parse_email_address
from petition.safeguards.signer_texts import MAX_CHARACTERS, TextProblem, find_problem, normalise
from petition.signatures.abuse.disposable import find_policy_error
from petition.signatures.consent import is_outdated, is_passing_on_outdated
from petition.signatures.listing.withheld import parse_naming
from petition.signatures.models import PARTIES, Party
from petition.signatures.partner_news.consents import PartnerBox, list_boxes
from petition.signatures.review.rules import initial_review

TRUE_VALUES, FALSE_VALUES = {True, "on", "true", "1", "yes"}, {False, None, "", "off", "false", "0", "no"}


@dataclass(frozen=True)
class Details:
    """A signer's details, normalised and within their limits."""

    party: str
    name: str
    organisation: str | None
    address: Address
    profession: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    listed: bool
    updates: bool
    locale: str
    # Whether the team reads the name before it is listed (`review.rules.ReviewState`).
    review: str | None = None
    # When the name is to be shown (`models.NamedWhen`), and once how many have signed; None where it is not withheld.
    named_when: str | None = None
    named_from: int | None = None
    team_sees_name: bool = False
    # Whether the organisation that the petition names may have what they wrote.
    passed_on: bool = False
    # The boxes for partners' news that were ticked; None of a petition without partners.
    partners: tuple[PartnerBox, ...] | None = None

    @property
    def own_name(self) -> str:
        """The name, under the name that a signature has it by."""
        return self.name

    @property
    def shown(self) -> str | bool:
        """Whether the name is shown in the list, or when it will be."""
        return self.named_when or self.listed


def validate_details(petition: Petition, form: Mapping[str, Any]) -> Details:
    """Return the details of a submitted form or JSON body, normalised.

    Fields that the petition does not ask for are ignored; without a `locale` the language is the request's. Raises
    `ValidationError` with a message for every field that needs correction.
    """
    errors: dict[str, str] = {}
    party = form.get("party") or Party.PERSON
    if party not in PARTIES or (party == Party.ORGANISATION and not petition.accepts_organisations):
        errors["party"] = _("Choose whether you sign for yourself or for an organisation.")
    asked: set[str] = {field for field in ("profession", "city", "postal_code") if field in petition.asks}
    asked |= {"name", "organisation", "profession"} if party == Party.ORGANISATION else {"name"}
    texts = {field: _clean_field(form, field, errors) if field in asked else None for field in MAX_CHARACTERS}
    if not texts["name"]:
        errors.setdefault("name", _("Tell us your name."))
    if party == Party.ORGANISATION and not texts["organisation"]:
        errors.setdefault("organisation", _("Tell us the name of the organisation."))
    address = _parse_address(petition, form, errors)
    country = _parse_country(form, errors) if "country" in petition.asks else None
    boxes = {field: _parse_checkbox(form, field, errors) for field in ("listed", "updates", "passed_on")}
    boxes["passed_on"] = boxes["passed_on"] and bool(petition.passes_on_to)
    naming = parse_naming(petition, form, party, texts["profession"], errors)
    chosen = form.get("locale")
    locale = chosen if isinstance(chosen, str) and chosen in LANGUAGES else current_language()
    partners = _parse_partners(petition, form, locale, errors)
    if errors or address is None:
        raise ValidationError(errors)
    if boxes["updates"] and is_outdated(petition, locale, form.get("wording")):
        raise ValidationError({"updates": _outdated_message()})
    if boxes["passed_on"] and is_passing_on_outdated(petition, locale, form.get("passing_on_wording")):
        raise ValidationError({"passed_on": _outdated_message()})
    name = texts["name"] or ""
    return Details(
        party=party, name=name, organisation=texts["organisation"], address=address,
        profession=texts["profession"], city=texts["city"], postal_code=texts["postal_code"], country=country,
        listed=boxes["listed"] if naming is None else naming.listed, updates=boxes["updates"], locale=locale,
        passed_on=boxes["passed_on"],
        review=initial_review(party, name, texts["profession"]),
        named_when=naming.named_when if naming else None, named_from=naming.named_from if naming else None,
        team_sees_name=naming.team_sees_name if naming else False, partners=partners,
    )  # fmt: skip


def _outdated_message() -> str:
    return _("These words have changed since you opened the page: please read them again.")


def _parse_partners(
    petition: Petition, form: Mapping[str, Any], locale: str, errors: dict[str, str]
) -> tuple[PartnerBox, ...] | None:
    """Return the boxes for partners' news that were ticked, or named in a list; None of a petition without partners."""
    if not petition.has_partners:
        return None
    named = form.get("news")
    keys = named if isinstance(named, list) else []
    boxes = list_boxes(petition, locale)
    ticked = [box for box in boxes if _parse_checkbox(form, box.field, errors) or box.key in keys]
    for box in ticked:
        if (shown := form.get(box.wording_field)) and shown != box.wording.digest:
            errors[box.field] = _outdated_message()
    return tuple(ticked)


def _clean_field(form: Mapping[str, Any], field: str, errors: dict[str, str]) -> str | None:
    try:
        return clean_text(form.get(field), field)
    except ValueError as error:
        errors[field] = str(error)
        return None


def clean_text(value: Any, field: str) -> str | None:
    """Return a text in NFC and with single spaces, None if empty. Raises `ValueError` with a message for its author."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(_("Write this as text."))
    value = normalise(value)
    if not value:
        return None
    if problem := find_problem(value, field):
        raise ValueError(_problem_message(problem, field))
    return value


def _problem_message(problem: TextProblem, field: str) -> str:
    return {
        TextProblem.LONG: _("Keep this within %(number)s characters.", number=MAX_CHARACTERS[field]),
        TextProblem.CHARACTERS: _("Some characters here cannot be shown. Please type it again."),
        TextProblem.LINK: _("Please leave out web and email addresses. After a full stop, put a space."),
        TextProblem.PHONE: _("Please leave out telephone numbers."),
        TextProblem.LETTERS: _("Please write this in letters."),
        TextProblem.SCRIPTS: _("Please write each word in the letters of one alphabet."),
    }[problem]


def _parse_address(petition: Petition, form: Mapping[str, Any], errors: dict[str, str]) -> Address | None:
    typed = form.get("email")
    if not isinstance(typed, str) or not typed.strip():
        errors["email"] = _("Tell us your email address: we send you a link to confirm.")
        return None
    try:
        address = parse_email_address(typed)
    except BadAddress:
        errors["email"] = _("This does not look like a full email address. It should read like name@example.org.")
        return None
    if problem := find_policy_error(petition, address):
        errors["email"] = problem
    return address


def _parse_country(form: Mapping[str, Any], errors: dict[str, str]) -> str | None:
    try:
        return parse_country(form.get("country"))
    except ValueError as error:
        errors["country"] = str(error)
        return None


def parse_country(typed: Any) -> str | None:
    """Return the code of a country, None if empty. Raises `ValueError` with a message for its author."""
    if not typed:
        return None
    if not isinstance(typed, str) or not is_country(typed.upper()):
        raise ValueError(_("Choose a country from the list."))
    return typed.upper()


def _parse_checkbox(form: Mapping[str, Any], field: str, errors: dict[str, str]) -> bool:
    value = form.get(field)
    value = value.lower() if isinstance(value, str) else value
    if not isinstance(value, bool | str | None) or value not in TRUE_VALUES | FALSE_VALUES:
        errors[field] = _("Answer with true or false.")
        return False
    return value in TRUE_VALUES
