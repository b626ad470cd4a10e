"""Tell the trouble of one recipient's provider from the trouble of our mail server.

A 421 in answer to a recipient or at the end of DATA may mean either: Yahoo defers single emails with it ([TSS04]), and
a server that shuts down says it to everybody. It is the email's trouble until mail to another provider meets the same;
only then all workers back off from the server. What is suspected is a row in PostgreSQL, which all workers see.
"""

import threading
import time
from collections.abc import Callable

from petition.core.db import db
from petition.delivery.models import DeliveryState
from petition.delivery.pauses import MAX_SERVER_BACKOFF_SECONDS
from petition.delivery.queries import REPORT_REJECTION
from petition.delivery.queues import SERVER
from petition.delivery.smtp.responses import Outcome

MAX_REJECTIONS = 2  # of one provider in a row, then its other emails wait without an attempt
PROVIDER_WAIT_SECONDS = 15.0  # the shortest backoff of an email
# Domains that one provider operates, by their first label: a rejection of two of them is one provider's rejection.
# Sources: the MX records and help pages of Yahoo, Orange, Free, SFR, La Poste and Microsoft.
PROVIDERS = {
    "yahoo": ("ymail", "rocketmail", "aol", "aim", "verizon", "netscape"),
    "orange": ("wanadoo", "voila"),
    "free": ("aliceadsl", "libertysurf", "freesbee", "infonie", "worldonline"),
    "sfr": ("neuf", "cegetel", "club-internet", "numericable", "noos", "9online"),
    "outlook": ("hotmail", "live", "msn", "windowslive", "passport"),
    "gmail": ("googlemail",),
    "icloud": ("me", "mac"),
    "gmx": ("caramail",),
}
_PROVIDER_OF = {label: provider for provider, labels in PROVIDERS.items() for label in labels}


def find_provider(domain: str) -> str:
    """Return a name for the provider of a domain: the domain itself, but for those that one provider operates."""
    label, _, suffix = domain.partition(".")
    # A name under one ending, or under one like co.uk: a longer one is somebody's own domain.
    if len(suffix) > 6:
        return domain
    provider = _PROVIDER_OF.get(label, label)
    return provider if provider in PROVIDERS else domain


class ProviderRejections:
    """Rejections in a row of each provider, within this process: spend no connection on what would be refused too.

    Counted are replies that may be the server's trouble, and rejections for our rate or reputation.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, threading.Lock()
        self._rejections: dict[str, tuple[int, float, Outcome]] = {}

    def find_outcome(self, domain: str) -> Outcome | None:
        """Return the outcome of an email that is not worth an attempt now; None if it is."""
        with self._lock:
            found = self._rejections.get(find_provider(domain))
        if found is None or found[0] < MAX_REJECTIONS or self._now() - found[1] > PROVIDER_WAIT_SECONDS:
            return None
        outcome = found[2]
        return Outcome(
            DeliveryState.DEFERRED, outcome.code, outcome.reason, outcome.cause, attempt_refunded=True, attempted=False
        )

    def note(self, domain: str, outcome: Outcome) -> None:
        """Note what the server answered to an email that was tried."""
        provider = find_provider(domain)
        with self._lock:
            if outcome.server_suspected or outcome.provider_refuses:
                found = self._rejections.get(provider)
                count = found[0] if found and self._now() - found[1] <= PROVIDER_WAIT_SECONDS else 0
                self._rejections[provider] = (count + 1, self._now(), outcome)
            elif outcome.server_answered:
                self._rejections.pop(provider, None)

    def clear(self) -> None:
        """Forget all rejections: for tests."""
        self._rejections.clear()


rejections = ProviderRejections()


def report_rejection(domain: str, outcome: Outcome) -> bool:
    """Report a reply that may be of the recipient's provider or of our server; return whether all workers back off.

    They do once mail to another provider met the same, with no other reply of the server in between
    (`results.record_results`). Flushes.
    """
    parameters = {
        "server": SERVER,
        "reason": outcome.reason or "the mail server refused",
        "domain": find_provider(domain)[:255],
        "max_seconds": MAX_SERVER_BACKOFF_SECONDS,
    }
    backs_off = db.session.scalar(REPORT_REJECTION, parameters)
    return backs_off is not False  # no row: a back-off that another worker began lasts
