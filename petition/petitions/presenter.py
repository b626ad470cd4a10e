"""A petition in one language, for templates and the API."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from petition.core.cache import get_or_create
from petition.petitions.markdown import text_to_html
from petition.petitions.models import Petition, PetitionState
from petition.petitions.professions import PrintedProfession, list_forms, print_line, print_profession


@dataclass(frozen=True)
class PetitionPresenter:
    """The fields of a petition that templates and the API show."""

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
    list_indexed: bool
    statistics_public: bool
    accepts_organisations: bool
    is_open: bool
    opened_on: date | None
    closes_on: date | None
    closed_on: date | None
    share_text: str = ""
    retention_months: int | None = None
    passes_on_to: str | None = None
    delivered_on: date | None = None
    won_on: date | None = None
    reader_language: str = ""
    named_total: int | None = None
    named_profession: int | None = None
    professions_by_language: dict[str, list[str]] = field(default_factory=dict)
    thanks: str = ""

    @property
    def profession_forms(self) -> list[str]:
        """The professions that the form suggests, one by one."""
        return list_forms(self.professions)

    def printed_profession(self, typed: str) -> PrintedProfession:
        """Return a signer's profession as it is printed after their name for this reader."""
        return print_profession(self.professions_by_language, typed, self.reader_language)

    def printed_line(self, line: str) -> PrintedProfession:
        """Return a profession of the statistics, with all its forms, for this reader."""
        return print_line(self.professions_by_language, line, self.reader_language)

    @property
    def body_html(self) -> Markup:
        """The text, as sanitised HTML."""
        return text_to_html(self.body)

    @property
    def thanks_html(self) -> Markup:
        """What the campaign writes to those who confirmed, as sanitised HTML; nothing where it writes nothing."""
        return text_to_html(self.thanks) if self.thanks else Markup()


def present(petition: Petition, language: str) -> PetitionPresenter:
    """Return the petition in a language, or in its default language if it has no text in that one."""
    text, zone = petition.text_in(language), ZoneInfo(petition.timezone)

    def day(moment: datetime | None) -> date | None:
        return moment.astimezone(zone).date() if moment else None

    state = petition.state_now
    return PetitionPresenter(
        slug=petition.slug, kind=petition.kind, state=state, title=text.title, summary=text.summary, body=text.body,
        addressee=text.addressee, sender_name=petition.sender_name, language=text.language,
        languages=sorted(petition.texts, key=lambda code: code != petition.default_language), asks=petition.asks,
        professions=text.professions, listing=petition.listing, list_indexed=petition.list_indexed,
        statistics_public=petition.statistics_public, named_total=petition.named_total,
        named_profession=petition.named_profession,
        accepts_organisations=petition.accepts_organisations,
        is_open=petition.is_open, opened_on=day(petition.opens_at),
        closes_on=day(petition.closes_at) if state == PetitionState.OPEN else None,
        closed_on=day(petition.closing_moment) if state in (PetitionState.CLOSED, PetitionState.ARCHIVED) else None,
        share_text=text.share_text, retention_months=petition.retention_months,
        passes_on_to=petition.passes_on_to,
        delivered_on=day(petition.handed_over_at), won_on=day(petition.won_at), reader_language=language,
        professions_by_language={code: text.professions for code, text in petition.texts.items()}, thanks=text.thanks,
    )  # fmt: skip


def present_cached(petition: Petition, language: str) -> PetitionPresenter:
    """Return the result of `present` from the per-process cache."""
    found: PetitionPresenter = get_or_create(("view", petition.id, language), lambda: present(petition, language))
    return found
