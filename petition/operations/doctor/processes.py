"""Check by what they recorded that workers listen to every queue, that beat runs, and that bounces are read."""

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.bounces.models import BounceMailboxState
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.doctor.settings import is_local
from petition.operations.statistics.snapshot import check_heartbeats

BOUNCES = "bounces"


def check_processes() -> list[Finding]:
    """Return the queues without a worker, whether beat is silent, and whether bounces are read."""
    try:
        unserved, beat_silent = check_heartbeats()
        bounces = _check_bounces()
    except SQLAlchemyError:
        text = N_("Not known without the database and its schema.")
        return [warning("workers", text, N_("Correct the database first."))]
    findings = []
    if unserved:
        text = N_("No worker listens to %(queues)s: these emails and tasks wait.")
        advice = N_("Start `celery -A worker worker -Q %(first)s` as a service, or look at why it stopped.")
        findings.append(wrong("workers", text, advice, queues=", ".join(unserved), first=unserved[0]))
    else:
        findings.append(ok("workers", N_("Workers listen to every queue.")))
    if beat_silent:
        text = N_("Beat is silent: retries, lost wake-ups and scheduled mailings wait.")
        findings.append(wrong("beat", text, N_("Start `celery -A worker beat` once, as a service.")))
    else:
        findings.append(ok("beat", N_("Beat runs.")))
    return [*findings, *bounces]


def _check_bounces() -> list[Finding]:
    """Return whether the mailbox is read, as its worker recorded it: no other process has its password."""
    state, config = db.session.scalar(select(BounceMailboxState)), current_app.config
    if state and state.problem:
        text = N_("The bounce mailbox cannot be read (%(problem)s): %(response)s")
        advice = N_("/ops/runbook says what to do, under BounceMailboxUnreadable.")
        return [wrong(BOUNCES, text, advice, problem=state.problem, response=state.response)]
    if state:
        return [ok(BOUNCES, N_("The bounce mailbox is read."))]
    if is_local() or config["PETITION_BOUNCE_MAILBOX"] or config["PETITION_BOUNCE_WEBHOOK_SECRET"]:
        return []
    text = N_("Bounces and complaints are not read.")
    advice = N_("Set PETITION_BOUNCE_MAILBOX, or PETITION_BOUNCE_WEBHOOK_SECRET and the provider’s webhook.")
    return [warning(BOUNCES, text, advice)]
