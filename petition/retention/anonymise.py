"""Anonymise the signatures of petitions whose time has come, a batch to a transaction."""

import time
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import select

from petition.backups.journal import record_anonymisation
from petition.core import clock
from petition.core.db import db
from petition.mailings.models import MailingState
from petition.mailings.scheduler import REOPEN_WINDOW
from petition.petitions.models import Petition, PetitionState
from petition.retention import queries
from petition.retention.folding import fold
from petition.retention.models import PetitionRetention
from petition.retention.schedule import PlanState, get_plan, list_plans
from petition.signatures.models import Party
from petition.signatures.review.own_domain import is_own_domain
from petition.team import audit

BATCH_SIZE = 500  # signatures, or lines on paper
ACTOR = "retention"
DORMANT_STATES = (MailingState.DRAFT, MailingState.TESTED)  # of mailings that send nothing by themselves

log = structlog.get_logger(__name__)


def anonymise_due(max_seconds: float) -> int:
    """Anonymise what is due, for a time; what is left waits for the next call. Returns how many petitions had a turn.

    Commits each batch by itself. A process that is killed leaves whole batches, and the next one goes on after them.
    """
    deadline, started = time.monotonic() + max_seconds, 0
    plans = list_plans()
    due = [plan.petition.id for plan in plans if plan.state in (PlanState.DUE, PlanState.RUNNING)]
    kept_back = [plan.petition.id for plan in plans if plan.state == PlanState.DONE and plan.retention.kept_back]
    db.session.rollback()
    for petition_id in due:
        started += 1
        while time.monotonic() < deadline and anonymise_batch(petition_id):
            pass
    for petition_id in kept_back:
        started += _anonymise_lifted(petition_id)
    return started


def anonymise_batch(petition_id: int, *, after_restore: bool = False) -> bool:
    """Anonymise the next batch of a petition. Returns whether there may be more to do now. Commits by itself.

    Everything is read again under the petition's lock: somebody may have reopened the petition or postponed this.
    Nothing is done while a mailing to its signers is under way, nor can one start before the batch is committed; but
    `after_restore` of what was anonymised before (`journal_replay`), its mailings were over then.
    """
    petition = _lock(petition_id)
    plan = get_plan(petition)
    if after_restore:
        may_go_on = plan.state in (PlanState.RUNNING, PlanState.WAITING) and plan.retention.started_at is not None
    else:
        may_go_on = plan.state in (PlanState.DUE, PlanState.RUNNING) and _lock_mailings(petition_id)
    if not may_go_on:
        db.session.rollback()
        return False
    retention = plan.retention
    if retention.started_at is None:
        begin(petition, retention, actor=ACTOR)
    more = _anonymise_signatures(retention) or _anonymise_paper(retention)
    if not more:
        _finish(petition, retention)
    db.session.commit()
    return more


def _lock(petition_id: int) -> Petition:
    query = select(Petition).where(Petition.id == petition_id).with_for_update(of=Petition, key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def _lock_mailings(petition_id: int) -> bool:
    """Lock the mailings to a petition's signers that are not over. Returns whether none is under way or changing."""
    parameters = {"petition_id": petition_id, "reopened_since": clock.now() - REOPEN_WINDOW}
    locked = db.session.execute(queries.LOCK_MAILINGS, parameters).all()
    everyone = db.session.execute(queries.SELECT_MAILINGS, parameters).all()
    return len(locked) == len(everyone) and all(row.state in DORMANT_STATES for row in locked)


def begin(petition: Petition, retention: PetitionRetention, *, actor: str | None) -> None:
    """Begin: from here on the petition cannot be opened again, as its signers could sign twice. Flushes."""
    retention.started_at = petition.anonymised_at = clock.now()
    petition.closed_at = petition.closing_moment
    if petition.state != PetitionState.ARCHIVED:
        petition.state = PetitionState.CLOSED
    petition.version += 1
    record_anonymisation(petition.id)
    audit.record("petition.anonymisation_started", "petition", petition.slug, actor=actor)
    log.info("anonymisation started", petition=petition.slug)


def _anonymise_signatures(retention: PetitionRetention) -> bool:
    parameters = {
        "petition_id": retention.petition_id, "position": retention.position, "batch_size": BATCH_SIZE,
    }  # fmt: skip
    rows = db.session.execute(queries.LOCK_SIGNATURES, parameters).all()
    if not rows:
        return False
    _anonymise_rows(retention, [row for row in rows if not row.restricted])
    # Use restricted: stored, and nothing else, until that is lifted (GDPR, article 18(2)).
    retention.kept_back = [*retention.kept_back, *(row.id for row in rows if row.restricted)]
    retention.position = rows[-1].id
    return True


def _anonymise_rows(retention: PetitionRetention, rows: Sequence[Any]) -> None:
    ids = [row.id for row in rows]
    organisations = [row for row in rows if row.party == Party.ORGANISATION]
    own = [row.id for row in organisations if is_own_domain(row.organisation, row.email_canonical)]
    fold(_list_deliveries(retention.petition_id, ids))
    done = db.session.execute(queries.ANONYMISE_SIGNATURES, {"ids": ids, "own_domain_ids": own, "now": clock.now()})
    db.session.execute(queries.DELETE_NAME_REPORTS, {"ids": ids})
    db.session.execute(queries.DELETE_ADDRESS_CHANGES, {"ids": ids})
    db.session.execute(queries.DELETE_PARTNER_CONSENTS, {"ids": ids})
    retention.signatures += int(getattr(done, "rowcount", 0))


def _anonymise_lifted(petition_id: int) -> bool:
    """Anonymise what was kept back and is restricted no more. Returns whether there was any. Commits."""
    petition = _lock(petition_id)
    retention = get_plan(petition).retention
    rows = db.session.execute(queries.LOCK_KEPT_BACK, {"ids": retention.kept_back}).all()
    lifted, before = [row for row in rows if not row.restricted], retention.signatures
    retention.kept_back = [row.id for row in rows if row.restricted]
    if lifted:
        _anonymise_rows(retention, lifted)
        after = {"signatures": retention.signatures - before, "paper": 0}
        audit.record("petition.anonymised", "petition", petition.slug, after=after, actor=ACTOR)
    db.session.commit()
    return bool(lifted)


def _list_deliveries(petition_id: int, ids: Sequence[int]) -> list[int]:
    parameters = {"ids": ids, "petition_id": petition_id}
    return list(db.session.scalars(queries.SELECT_DELIVERIES_OF_SIGNATURES, parameters))


def _anonymise_paper(retention: PetitionRetention) -> bool:
    parameters = {"petition_id": retention.petition_id, "batch_size": BATCH_SIZE}
    done = int(getattr(db.session.execute(queries.ANONYMISE_PAPER, parameters), "rowcount", 0))
    retention.paper += done
    return done > 0


def _finish(petition: Petition, retention: PetitionRetention) -> None:
    db.session.execute(queries.DELETE_PAPER_SCANS, {"petition_id": petition.id})
    db.session.execute(queries.CLEAR_PAPER_IMPORTS, {"petition_id": petition.id})
    retention.finished_at = clock.now()
    counts = {"signatures": retention.signatures, "paper": retention.paper}
    if retention.kept_back:
        counts["kept_back"] = len(retention.kept_back)
    audit.record("petition.anonymised", "petition", petition.slug, after=counts, actor=ACTOR)
    log.info("anonymisation finished", petition=petition.slug, **counts)
