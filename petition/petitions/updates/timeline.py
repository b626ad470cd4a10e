"""The timeline of a petition: its published updates, and the days on which it opened, closed, was handed over, won."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import select

from petition.core.cache import get_or_create
from petition.core.db import read_detached
from petition.petitions.markdown import text_to_html
from petition.petitions.models import Petition, PetitionState
from petition.petitions.updates.models import PetitionUpdate, UpdateKind


@dataclass(frozen=True)
class TimelineEntry:
    """An update, or a fact, which has neither number nor text."""

    kind: str
    day: date
    id: int = 0
    title: str = ""
    body: str = ""
    language: str = ""
    source_url: str | None = None
    published_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def body_html(self) -> Markup:
        """The text, as sanitised HTML."""
        return text_to_html(self.body)


def list_published(petition: Petition, language: str) -> list[TimelineEntry]:
    """Return the published updates in a language, each in another one where it has no text in this: newest first."""
    query = (
        select(PetitionUpdate)
        .where(PetitionUpdate.petition_id == petition.id, PetitionUpdate.published_at.is_not(None))
        .order_by(PetitionUpdate.happened_on.desc(), PetitionUpdate.id.desc())
    )
    updates: list[PetitionUpdate] = get_or_create(("updates", petition.id), lambda: read_detached(query))
    return [_present(update, language) for update in updates]


def _present(update: PetitionUpdate, language: str) -> TimelineEntry:
    written = update.language_for(language)
    return TimelineEntry(
        kind=update.kind, day=update.happened_on, id=update.id, language=written, source_url=update.source_url,
        published_at=update.published_at, changed_at=update.changed_at, **update.texts[written],
    )  # fmt: skip


def build_timeline(petition: Petition, language: str) -> list[TimelineEntry]:
    """Return the whole timeline, newest first. A fact that an update reports stands once."""
    entries = list_published(petition, language)
    reported = {entry.kind for entry in entries}
    zone, closed = ZoneInfo(petition.timezone), petition.state_now != PetitionState.OPEN
    moments = {
        "opened": petition.opens_at,
        "closed": petition.closing_moment if closed else None,
        "handed_over": None if UpdateKind.HANDED_OVER in reported else petition.handed_over_at,
        "won": None if UpdateKind.OUTCOME in reported else petition.won_at,
    }
    facts = [TimelineEntry(kind, moment.astimezone(zone).date()) for kind, moment in moments.items() if moment]
    # Stable: of one day, the facts come below the updates, and both keep their order.
    return sorted([*entries, *reversed(facts)], key=lambda entry: entry.day, reverse=True)
