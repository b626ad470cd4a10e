"""Dossiers to hand over: asked for at the desk, made by a worker, kept as they were handed over."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from flask_babel import force_locale, format_decimal
from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.ids import is_id
from petition.core.languages.countries import list_countries
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake
from petition.exports.documents import queries
from petition.exports.documents.content import (
    Data,
    describe_common,
    describe_count,
    describe_text,
    format_moment,
    people_labels,
)
from petition.exports.documents.models import Dossier, DossierState
from petition.exports.documents.names import Names, TooManyNames, list_names, split_people
from petition.exports.documents.rendering import Job, RenderingError, render_parts
from petition.exports.documents.store import CLAIM_TIMEOUT, Claim, making
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.presenter import PetitionPresenter, present
from petition.petitions.statistics.campaign import get_statistics
from petition.team import audit

TASK_NAME = "petition.exports.documents.tasks.make_dossiers"
PAGE_SIZE = 50
MAX_VALUES = 10  # lines of a table
MIN_SHOWN = 5  # fewer are not told apart: it would say who they are

log = structlog.get_logger(__name__)


def ask_for(petition: Petition, language: str, asked_by: str) -> Dossier:
    """Ask for a dossier of what is true when it is made. Flushes. Raises `ValidationError`."""
    if language not in LANGUAGES:
        raise ValidationError({"language": _("Please choose one of these.")})
    dossier = Dossier(petition_id=petition.id, language=language, asked_by=asked_by)
    db.session.add(dossier)
    db.session.flush()
    audit.record("dossier.requested", "petition", petition.slug, after={"dossier": dossier.id, "language": language})
    return dossier


def wake_maker() -> bool:
    """Have a worker begin at once. Returns whether the broker answered; otherwise the periodic task begins it."""
    return wake(MAINTENANCE, TASK_NAME, args=())


def list_dossiers(petition: Petition) -> list[Dossier]:
    """Return the latest dossiers of a petition, newest first, without their content."""
    query = select(Dossier).where(Dossier.petition_id == petition.id).order_by(Dossier.id.desc())
    return list(db.session.scalars(query.limit(PAGE_SIZE)))


def find_dossier(petition: Petition, dossier_id: int) -> Dossier:
    """Return a dossier without its content. Raises `NotFound`."""
    query = select(Dossier).where(Dossier.petition_id == petition.id, Dossier.id == dossier_id)
    dossier = db.session.scalar(query) if is_id(dossier_id) else None
    if dossier is None:
        raise NotFound({"dossier": "there is no such dossier"})
    return dossier


def read_dossier(petition: Petition, dossier_id: int) -> Dossier:
    """Return a finished dossier with its content. Raises `NotFound`, also for one whose content was erased."""
    query = select(Dossier).where(Dossier.petition_id == petition.id, Dossier.id == dossier_id)
    dossier = db.session.scalar(query.options(undefer(Dossier.content))) if is_id(dossier_id) else None
    if dossier is None or dossier.content is None:
        raise NotFound({"dossier": "there is no such dossier"})
    return dossier


def make_requested() -> None:
    """Make the dossiers that were asked for, unless this process makes a document: the next call does. Commits."""
    if not making.acquire(blocking=False):
        return
    try:
        while make_next():
            pass
    finally:
        making.release()


def make_next() -> bool:
    """Make the dossier that was asked for first; returns whether there was one. Commits.

    No transaction is open while it is rendered.
    """
    now = clock.now()
    dossier_id = db.session.scalar(queries.CLAIM_DOSSIER_SQL, {"now": now, "expired": now - CLAIM_TIMEOUT})
    db.session.commit()
    if dossier_id is None:
        return False
    dossier = db.session.get_one(Dossier, dossier_id, populate_existing=True)
    petition = db.session.get_one(Petition, dossier.petition_id)
    as_of = now.replace(microsecond=0)
    claim = Claim(queries.RENEW_DOSSIER_SQL, dossier_id, now)
    reference = f"{petition.slug}-{as_of:%Y%m%d}-{dossier.id}"
    try:
        jobs, names = describe_dossier(petition, dossier.language, as_of, reference)
        db.session.commit()
        made = render_parts(jobs, as_of, claim.renew)
    except (RenderingError, TooManyNames) as error:
        log.error("dossier not made", petition=petition.id, error=str(error) or repr(error))
        _finish(dossier_id, claim.moment, state=DossierState.FAILED)
        return True
    _finish(
        dossier_id, claim.moment, state=DossierState.DONE, as_of=as_of, reference=reference, names=names, progress=100,
        pages=made.pages, size=len(made.content), sha256=hashlib.sha256(made.content).hexdigest(), content=made.content,
    )  # fmt: skip
    return True


def _finish(dossier_id: int, claimed_at: datetime, **values: object) -> None:
    """Record what came of a dossier under its claim, and on the audit trail. Commits."""
    held = (Dossier.id == dossier_id, Dossier.claimed_at == claimed_at)
    done = db.session.execute(update(Dossier).where(*held).values(claimed_at=None, **values).returning(Dossier.id))
    if done.first() is not None:
        dossier = db.session.get_one(Dossier, dossier_id, populate_existing=True)
        petition = db.session.get_one(Petition, dossier.petition_id)
        shown: dict[str, Any] = {
            name: values[name] for name in ("state", "reference", "sha256", "pages", "names") if name in values
        }
        audit.record(
            "dossier.made", "petition", petition.slug, after={"dossier": dossier_id, **shown}, actor=dossier.asked_by
        )
    db.session.commit()


def describe_dossier(petition: Petition, language: str, as_of: datetime, reference: str) -> tuple[list[Job], int]:
    """Return the jobs that make a dossier, and how many it names. Raises `TooManyNames`."""
    with force_locale(language):
        presented = present(petition, language)
        names, common = list_names(petition, presented), describe_common(petition, presented, language)
        common = {
            **common,
            "labels": common["labels"] | people_labels(presented) | _headings(),
            "footer": f"{presented.title} · {reference}",
        }
        return _list_jobs(petition, presented, names, common, as_of, reference), len(names)


def _headings() -> dict[str, str]:
    return {
        "letter": _("The text"),
        "statistics": _("Statistics"),
        "method": _("How the signatures were collected and verified"),
    }


def _list_jobs(
    petition: Petition, presented: PetitionPresenter, names: Names, common: Data, as_of: datetime, reference: str
) -> list[Job]:
    count = get_count(petition)
    text, images = describe_text(presented)
    front = {
        **common, **text, "count_lines": describe_count(petition, count, as_of, len(names)),
        "organisations": names.organisations, "tables": _list_tables(petition, presented),
        "facts": [
            [_("Reference"), reference], [_("As of"), format_moment(petition, as_of)],
            [_("Handed over by"), presented.sender_name], [_("Revision of the text"), str(petition.version)],
            [_("Page of the petition"), common["url"]],
        ],
    }  # fmt: skip
    parts = [groups for groups in split_people(names.people) if groups]
    people = [Job("people", {**common, "part": part, "groups": groups}) for part, groups in enumerate(parts)]
    method = Job("method", {**common, "method": _describe_method(petition, as_of)})
    return [Job("dossier", front, images), *people, method]


def _list_tables(petition: Petition, presented: PetitionPresenter) -> list[Data]:
    """Return the statistics that are shown: no line, and no remainder, of fewer than `MIN_SHOWN` signatures."""
    breakdowns, countries, tables = (
        get_statistics(petition).breakdowns,
        dict(list_countries(presented.reader_language)),
        [],
    )
    printed: dict[str, Callable[[str], str]] = {
        "profession": lambda label: presented.printed_line(label).text,
        "city": str,
        "country": lambda code: countries.get(code, code),
    }
    for dimension, heading in (
        ("profession", _("Professions or roles")), ("city", _("Towns and cities")), ("country", _("Countries")),
    ):  # fmt: skip
        breakdown = breakdowns[dimension]
        shown = [(label, n) for label, n in breakdown.rows[:MAX_VALUES] if n >= MIN_SHOWN]
        while shown and 0 < breakdown.total - sum(n for _label, n in shown) < MIN_SHOWN:
            shown.pop()
        if not shown:
            continue
        rows = [[printed[dimension](label), format_decimal(n)] for label, n in shown]
        if rest := breakdown.total - sum(n for _label, n in shown):
            rows.append([_("Others, or not said"), format_decimal(rest)])
        tables.append({"heading": heading, "columns": [heading, _("Signatures")], "rows": rows})
    return tables


def _describe_method(petition: Petition, as_of: datetime) -> list[str]:
    return [
        _(
            "Each signature was confirmed by email: whoever signed was sent a link to the address they gave, "
            "opened it, and pressed a button. Without that, a signature does not count.",
        ),
        _(
            "A mailbox counts once as a person and once as an organisation: different spellings of one address "
            "are one address.",
        ),
        _(
            "Named here are those who agreed to be named, confirmed, and had not withdrawn. The team reads the "
            "names of organisations, and names that an automatic rule or a reader reported, before they are "
            "listed.",
        ),
        _(
            "Signatures on paper were entered by the team from signed sheets. They are counted apart, and nobody "
            "is named from them.",
        ),
        _(
            "Addresses, and those who did not agree to be named, are not part of this dossier. The numbers are "
            "exact: they change in the same step as the signatures that they count.",
        ),
        _(
            "All of this was true on %(moment)s. Whoever signed, withdrew or was erased since is not taken into "
            "account.",
            moment=format_moment(petition, as_of),
        ),
        _(
            "This file is kept as it was handed over. Its SHA-256 digest, which whoever published it can tell, "
            "proves that a copy is unchanged.",
        ),
    ]  # fmt: skip


def erase_anonymised() -> None:
    """Erase the content of dossiers of petitions whose signatures are anonymised. Commits."""
    db.session.execute(queries.ERASE_DOSSIERS_SQL, {"now": clock.now()})
    db.session.commit()
