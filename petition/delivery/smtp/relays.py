"""Choose the relay of each email: by its provider, else by the relays' shares; those in a back-off are passed over.

Without MAIL_RELAYS there is one, that of MAIL_SERVER, whose back-off stops all sending (`pauses`). With several, a
relay that is in trouble is backed off from alone; one worker tries it again every 15 s. Only when all are, sending
stops.
"""

import copy
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, current_app

from petition.core.db import autocommit_connection
from petition.core.settings.mail_relays import MailRelay
from petition.delivery.queries import SELECT_RELAYS_BACKING_OFF
from petition.delivery.queues import SERVER

READ_INTERVAL_SECONDS = 1.0  # while no relay is backed off from


@dataclass(frozen=True)
class Relay:
    """A mail server that emails are sent by. `scope`: of its back-off; `state`: Flask-Mail's settings of it."""

    scope: str
    state: Any
    share: int = 1
    providers: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.state.server}:{self.state.port}"


def init_app(app: Flask) -> None:
    """Prepare the relays of the settings."""
    mail = app.extensions["mail"]
    relays = [
        Relay(f"{SERVER} {number}", _make_state(mail, relay), relay.share, relay.providers)
        for number, relay in enumerate(app.config["MAIL_RELAYS"], 1)
    ]
    if len(relays) == 1:
        relays = [replace(relays[0], scope=SERVER)]
    app.extensions["petition.relays"] = relays or [Relay(SERVER, mail)]


def _make_state(mail: Any, relay: MailRelay) -> Any:
    state = copy.copy(mail)
    state.server, state.port, state.use_tls, state.use_ssl = relay.host, relay.port, relay.use_tls, relay.use_ssl
    state.username, state.password = relay.username, relay.password
    return state


def list_relays() -> Sequence[Relay]:
    """Return all relays."""
    relays: Sequence[Relay] = current_app.extensions["petition.relays"]
    return relays


_none_backing_off_until = 0.0  # of this process (monotonic)


def expire() -> None:
    """Have the back-offs from relays read again at the next use."""
    global _none_backing_off_until
    _none_backing_off_until = 0.0


def read_backing_off() -> set[str]:
    """Return the scopes of relays to pass over; one that is to be tried again is not among them, for one caller."""
    global _none_backing_off_until
    if len(list_relays()) == 1 or time.monotonic() < _none_backing_off_until:
        return set()
    with autocommit_connection() as connection:
        rows = connection.execute(SELECT_RELAYS_BACKING_OFF).all()
    if not rows:
        _none_backing_off_until = time.monotonic() + READ_INTERVAL_SECONDS
    return {row.scope for row in rows if not row.tried}


class RelayChoice:
    """The relays of one claim: each provider's emails go by one, so that a connection is used for many."""

    def __init__(self) -> None:
        self._relays, self._backing_off = list_relays(), read_backing_off()
        self._chosen: dict[str, Relay] = {}
        self._by_provider = any(relay.providers for relay in self._relays)

    def choose(self, find_provider: Callable[[], str]) -> Relay:
        """Return the relay of an email; its provider is asked for only if a relay serves some providers."""
        if len(self._relays) == 1:
            return self._relays[0]
        provider = find_provider() if self._by_provider else ""
        if provider not in self._chosen:
            self._chosen[provider] = self._pick(provider)
        return self._chosen[provider]

    def _pick(self, provider: str) -> Relay:
        serving = [relay for relay in self._relays if provider in relay.providers]
        sharing = [relay for relay in self._relays if not relay.providers and relay.share]
        for group in (serving, sharing, self._relays):
            if well := [relay for relay in group if relay.scope not in self._backing_off]:
                return random.choices(well, [relay.share or 1 for relay in well])[0]  # noqa: S311 - no secret
        return random.choice(self._relays)  # noqa: S311 - all back off: `pauses` says when one is tried

    def all_backing_off(self, failed: Relay) -> bool:
        """Return whether sending stops as a relay failed: no other is well."""
        self._backing_off.add(failed.scope)
        return all(relay.scope in self._backing_off for relay in self._relays)
