"""Run the checks of the doctor at the same time, within a limit."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from flask import Flask

from petition.core.db import db
from petition.core.i18n import N_
from petition.operations.doctor import (
    broker,
    database,
    host,
    journal,
    legal,
    mail_server,
    partners,
    processes,
    received_copy,
    sender_domain,
    settings,
    website,
)
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import Finding, sort_findings, warning, wrong

LIMIT_SECONDS = 18.0  # for everything; each check has shorter timeouts of its own

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DoctorOptions:
    """What the settings do not say.

    `send_to`: an address that gets a test email. `dkim_selectors`: the `s=` of DKIM-Signature, or whole names such as
    `s1._domainkey.example.org`. `sending_ips`: addresses that the relay sends from. `return_path`: the domain of the
    return path, where the relay replaces ours. `copy`: the source of an email of ours as it arrived.
    """

    send_to: str | None = None
    dkim_selectors: Sequence[str] = ()
    sending_ips: Sequence[str] = ()
    return_path: str | None = None
    resolver: Resolver | None = None
    copy: bytes | None = None


def run_checks(app: Flask, options: DoctorOptions, limit: float = LIMIT_SECONDS) -> list[Finding]:
    """Return what all checks find, the worst first. A check that does not end within `limit` (seconds) says so."""
    checks: dict[str, Callable[[], list[Finding]]] = {
        "settings": settings.check_settings,
        "database": database.check_database,
        "broker": broker.check_brokers,  # before the workers, which are silent without it
        "workers": processes.check_processes,
        "disk": host.check_disk,
        "journal": journal.check_journal,
        "legal notice": legal.check_legal_notice,
        "website": website.check_website,
        "mail server": partial(mail_server.check_mail_server, options.send_to),
        "sender": partial(
            sender_domain.check_sender_domain,
            options.resolver,
            [*options.dkim_selectors, *(received_copy.find_keys(options.copy) if options.copy else ())],
            options.sending_ips,
            options.return_path,
        ),
        "partners": partial(partners.check_partners, options.resolver, options.dkim_selectors),
    }
    if options.copy is not None:
        resolver = options.resolver or Resolver()
        checks["received copy"] = partial(received_copy.check_copy, resolver, options.copy)
    found: dict[str, list[Finding]] = {}
    threads = [
        threading.Thread(target=_run_check, args=(app, name, check, found), name=f"doctor {name}", daemon=True)
        for name, check in checks.items()
    ]
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    findings: list[Finding] = []
    for name in checks:
        findings += found[name] if name in found else [_make_unfinished(name, limit)]
    return sort_findings(findings)


def _run_check(app: Flask, name: str, check: Callable[[], list[Finding]], found: dict[str, list[Finding]]) -> None:
    with app.app_context():
        try:
            found[name] = check()
        except Exception as error:
            # A fault of the check: the others are worth showing.
            log.exception("a check of the doctor failed", check=name)
            text, advice = N_("This check itself failed (%(error)s)."), N_("Report it, with the log of this command.")
            found[name] = [wrong(name, text, advice, error=type(error).__name__)]
        finally:
            db.session.rollback()


def _make_unfinished(name: str, limit: float) -> Finding:
    text = N_("No result within %(seconds)d seconds.")
    return warning(name, text, N_("Run it again; look at the network between here and there."), seconds=limit)
