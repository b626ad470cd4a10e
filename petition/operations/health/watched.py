"""What is watched besides the flow of mail: sign-ins, attacks, budgets, webhooks, tokens, certificates, disks.

Evaluated by a worker of maintenance; pages, commands and metrics read what it found (`troubles`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from petition.core.db import db
from petition.core.i18n import N_
from petition.integrations.labels import answer_label
from petition.operations.health.watched_queries import WATCHED
from petition.operations.models import Probe
from petition.operations.probes.certificates import MAIL_CERTIFICATE, SITE_CERTIFICATE
from petition.operations.probes.disk import DISK
from petition.operations.probes.sign_in_provider import SIGN_IN_PROVIDER
from petition.operations.statistics.webhook_queue import read_webhook_queue
from petition.safeguards.mail_providers import LARGE_PROVIDERS

SIGN_IN_WINDOW, MAX_FAILED_SIGN_INS = timedelta(minutes=15), 30  # of all accounts and networks together
# Signatures of one network, or of one domain that is no large provider's: so many, and so much of all.
CLUSTER_WINDOW, MIN_CLUSTER, MIN_CLUSTER_SHARE = timedelta(hours=1), 50, 0.3
MAX_RECENT = 5_000  # latest signatures, and failed sign-ins, looked at
BUDGET_WINDOW, MAX_BEYOND_BUDGET = timedelta(hours=1), 20
CERTIFICATE_WARNING = timedelta(days=14)
TOKEN_WINDOW = timedelta(days=7)  # a token that was used so lately, and ends so soon
MAX_PROBE_AGE = timedelta(hours=2)
MAX_ENDPOINTS = 20  # of webhooks that are named
WATCHED_NAMES = (
    "ApiTokenExpiring", "CertificateExpiring", "DiskAlmostFull", "EmailsBeyondBudget", "PetitionAttacked",
    "SignatureCluster", "SignInFailures", "SignInProviderUnreachable", "WebhooksDelayed",
)  # fmt: skip


@dataclass(frozen=True)
class Warned:
    """Something to look at: its section in the runbook, what it is of, and a message with parameters.

    A parameter that is a function says it in the reader's language.
    """

    name: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    subject: str = ""


def find_warnings(now: datetime) -> list[Warned]:
    """Return what an operator should look at."""
    parameters = {
        "cluster_window": CLUSTER_WINDOW, "sign_in_window": SIGN_IN_WINDOW, "budget_window": BUDGET_WINDOW,
        "token_window": TOKEN_WINDOW, "max_recent": MAX_RECENT, "large": sorted(LARGE_PROVIDERS),
    }  # fmt: skip
    found = db.session.execute(WATCHED, parameters).one()
    probes = {row.name: row for row in db.session.query(Probe) if row.at > now - MAX_PROBE_AGE}
    return [
        *_check_counts(found),
        *_check_clusters(found),
        *_check_attacks(found),
        *_check_tokens(found),
        *_check_sign_in_provider(probes.get(SIGN_IN_PROVIDER)),
        *_check_webhooks(now),
        *_check_certificate(probes.get(SITE_CERTIFICATE), "PUBLIC_URL", now),
        *_check_certificate(probes.get(MAIL_CERTIFICATE), N_("the mail server"), now),
        *_check_disk(probes.get(DISK)),
    ]


def _check_counts(found: Any) -> Iterator[Warned]:
    if found.sign_in_failures >= MAX_FAILED_SIGN_INS:
        text = N_(
            "Sign-ins to the team’s pages that failed within 15 minutes: %(n)s. Somebody may be trying passwords."
        )
        yield Warned("SignInFailures", text, {"n": found.sign_in_failures})
    if found.beyond_budget >= MAX_BEYOND_BUDGET:
        text = N_("Emails not sent within an hour because their mailbox or domain had got its number: %(n)s.")
        yield Warned("EmailsBeyondBudget", text, {"n": found.beyond_budget})


def _check_clusters(found: Any) -> Iterator[Warned]:
    """Yield a network, or a domain, that many of the new signatures come from; the network by one of its signatures."""
    smallest = max(MIN_CLUSTER, MIN_CLUSTER_SHARE * found.signatures)
    if (found.network_n or 0) >= smallest:
        text = N_("Of %(total)s signatures within an hour, %(n)s come from one network: that of the signature %(id)s.")
        values = {"total": found.signatures, "n": found.network_n, "id": found.network_of}
        yield Warned("SignatureCluster", text, values, "network")
    if (found.domain_n or 0) >= smallest:
        text = N_("Of %(total)s signatures within an hour, %(n)s have an address at %(domain)s.")
        values = {"total": found.signatures, "n": found.domain_n, "domain": found.domain}
        yield Warned("SignatureCluster", text, values, found.domain)


def _check_attacks(found: Any) -> Iterator[Warned]:
    for slug in found.attacked:
        text = N_(
            "The petition %(slug)s gets far more signatures that nobody confirms than usual: whoever signs has to"
            " wait for a calculation of their browser."
        )
        yield Warned("PetitionAttacked", text, {"slug": slug}, slug)


def _check_tokens(found: Any) -> Iterator[Warned]:
    for token in found.tokens:
        text = N_("The API token “%(name)s” ends in %(time)s, and a program still uses it.")
        values = {"name": token["name"], "time": timedelta(seconds=token["seconds"])}
        yield Warned("ApiTokenExpiring", text, values, str(token["id"]))


def _check_sign_in_provider(probe: Probe | None) -> Iterator[Warned]:
    if probe is not None and not probe.ok:
        text = N_("The sign-in provider does not work: %(response)s. Members can use their password or a passkey.")
        yield Warned("SignInProviderUnreachable", text, {"response": probe.response})


def _check_webhooks(now: datetime) -> Iterator[Warned]:
    for endpoint in read_webhook_queue(now).late[:MAX_ENDPOINTS]:
        text = N_("Events for %(host)s wait: %(n)s, the first for %(age)s. Its last answer: %(answer)s.")
        values = {
            "host": endpoint.host, "n": endpoint.waiting, "age": timedelta(seconds=endpoint.oldest),
            "answer": partial(answer_label, endpoint.answer),
        }  # fmt: skip
        yield Warned("WebhooksDelayed", text, values, str(endpoint.id))


def _check_certificate(probe: Probe | None, whose: str, now: datetime) -> Iterator[Warned]:
    if probe is None:
        return
    if not probe.ok:
        text = N_("The certificate of %(whose)s is not valid: %(error)s")
        yield Warned("CertificateExpiring", text, {"whose": whose, "error": probe.response}, whose)
    elif probe.value is not None:
        left = timedelta(seconds=probe.value - now.timestamp())
        if left < CERTIFICATE_WARNING:
            text = N_("The certificate of %(whose)s ends in %(time)s.")
            yield Warned("CertificateExpiring", text, {"whose": whose, "time": max(left, timedelta(0))}, whose)


def _check_disk(probe: Probe | None) -> Iterator[Warned]:
    if probe is not None and not probe.ok:
        text = N_("A disk is almost full, %(folder)s: %(free)s MB are free.")
        yield Warned("DiskAlmostFull", text, {"folder": probe.response, "free": int(probe.value or 0) // 1024**2})
