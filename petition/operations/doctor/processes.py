"""Check by their heartbeats that workers listen to every queue, and that beat runs."""

from sqlalchemy.exc import SQLAlchemyError

from petition.core.i18n import N_
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.snapshot import check_heartbeats


def check_processes() -> list[Finding]:
    """Return the queues without a worker, and whether beat is silent."""
    try:
        unserved, beat_silent = check_heartbeats()
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
    return findings
