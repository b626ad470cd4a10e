"""A petition as a reader sees it, in one language."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from petition.core.cache import get_or_create
from petition.petitions.markdown import to_html
from petition.petitions.models import Petition


@dataclass(frozen=True)
class PetitionPresenter:
    """What templates and the API show of a petition."""

    slug: str
    kind: str
    state: str
    title: str
    summary: str
    body: str
    addressee: str
    sender_name: str
    language: str
    languages: list[str]
    asks: list[str]
    professions: list[str]
    listing: str
    accepts_organisations: bool
    is_open: bool
    people_can_confirm: bool
    opened_on: date | None
    closes_on: date | None
    closed_on: date | None

    @property
    def body_html(self) -> Markup:
        """The letter, as sanitised HTML."""
        return to_html(self.body)


def present(petition: Petition, language: str) -> PetitionPresenter:
    """Return the petition in a language, or in its own where it lacks that one."""
    text, zone = petition.text_in(language), ZoneInfo(petition.timezone)

    def day(moment: datetime | None) -> date | None:
        return moment.astimezone(zone).date() if moment else None

    state = petition.state_now
    return PetitionPresenter(
        slug=petition.slug, kind=petition.kind, state=state, title=text.title, summary=text.summary, body=text.body,
        addressee=text.addressee, sender_name=petition.sender_name, language=text.language,
        languages=sorted(petition.texts, key=lambda code: code != petition.default_language), asks=petition.asks,
        professions=text.professions, listing=petition.listing, accepts_organisations=petition.accepts_organisations,
        is_open=petition.is_open, people_can_confirm=petition.people_can_confirm, opened_on=day(petition.opens_at),
        closes_on=day(petition.closes_at) if state == "open" else None,
        closed_on=day(petition.closing_moment) if state in ("closed", "archived") else None,
    )  # fmt: skip


def present_cached(petition: Petition, language: str) -> PetitionPresenter:
    """Return what `view` does, as this process last made it: its words are read for one reader of many."""
    found: PetitionPresenter = get_or_create(("view", petition.id, language), lambda: present(petition, language))
    return found
