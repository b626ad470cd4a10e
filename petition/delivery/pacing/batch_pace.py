"""The pace of one claim's emails: which may leave now, which wait for their provider, and what providers answered."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

import structlog

from petition.delivery.models import DeliveryState
from petition.delivery.pacing.paces import admit, finish, refuse, watched
from petition.delivery.pacing.providers import find_providers
from petition.delivery.queues import Queue
from petition.delivery.replies.classifier import ReplyClass
from petition.delivery.smtp.responses import Outcome

PROVIDER_PACE = "provider pace"  # cause of an email that waits for its provider
SURE_CLASSES = (
    ReplyClass.RATE,
    ReplyClass.REPUTATION,
    ReplyClass.AUTHENTICATION,
    ReplyClass.CONTENT,
    ReplyClass.POLICY,
)

log = structlog.get_logger(__name__)


class BatchPace:
    """Asks nothing of DNS, and nothing of the database, while no provider is in trouble or limited."""

    def __init__(self, queue: Queue, token: uuid.UUID, lease: timedelta) -> None:
        self._queue, self._token, self._lease = queue, token, lease
        self._domains: dict[int, str] = {}
        self._providers: dict[str, str] = {}
        self._parked: dict[int, Outcome] = {}
        self._accepted: dict[str, bool] = {}  # of the providers that are watched: whether their last answer was good

    def admit(self, domains: Mapping[int, str]) -> None:
        """Decide which emails may leave, by delivery id in their order, each with its recipient's domain. Commits."""
        self._domains = dict(domains)
        known = watched.get()
        if not known:
            return
        self._providers = find_providers(set(domains.values()))
        ids: dict[str, list[int]] = {}
        for id, domain in domains.items():
            provider = self._providers[domain]
            if provider in known:
                ids.setdefault(provider, []).append(id)
        self._accepted = dict.fromkeys(ids, False)
        wanted = {provider: len(ids[provider]) for provider in sorted(ids) if known[provider].paced}
        if not wanted:
            return
        for provider, admission in admit(wanted, self._token, self._lease, self._queue.yields_to).items():
            response = admission.response or "more than its limit"
            for id in ids[provider][admission.granted :]:
                self._parked[id] = _park(provider, response)

    def find_outcome(self, id: int) -> Outcome | None:
        """Return the outcome of an email that waits for its provider; None of one that may leave."""
        return self._parked.get(id)

    def find_provider(self, domain: str) -> str:
        """Return the provider of a domain; asks DNS if it must."""
        if domain not in self._providers:
            self._providers |= find_providers({*self._domains.values(), domain})
        return self._providers[domain]

    def note(self, id: int, domain: str, outcome: Outcome) -> Outcome:
        """Note what came of an email that was offered; return its outcome: it waits during its provider's back-off.

        Commits where it was refused in a way that may be about us.
        """
        if not outcome.rejection:
            if self._accepted and outcome.server_answered and outcome.state != DeliveryState.DEFERRED:
                provider = self._providers.get(domain)
                if provider in self._accepted:
                    self._accepted[provider] = True
            return outcome
        provider, response = self.find_provider(domain), outcome.reason or ""
        took_another = self._accepted.get(provider, False)
        self._accepted[provider] = False
        if not refuse(provider, id, outcome.rejection, response, took_another=took_another):
            return outcome
        log.warning("a mail provider refuses us: its emails wait", code=outcome.code, reason=response)
        # All emails of the claim that go there wait, this one too if the rejection is surely about us.
        for other, other_domain in self._domains.items():
            if self.find_provider(other_domain) == provider:
                self._parked[other] = _park(provider, response)
        return _park(provider, response, outcome) if outcome.rejection in SURE_CLASSES else outcome

    def finish(self) -> None:
        """Record which providers accepted emails of the batch. Commits; does nothing if no provider is watched."""
        if self._accepted:
            finish(self._accepted, self._token)


def _park(provider: str, response: str, refused: Outcome | None = None) -> Outcome:
    """Return the outcome of an email that waits for its provider; its attempt, if it was tried, does not count."""
    return Outcome(
        DeliveryState.DEFERRED,
        refused.code if refused else None,
        response,
        PROVIDER_PACE,
        attempt_refunded=True,
        attempted=refused is not None,
        parked_for=provider[:255],
    )
