"""Poll the local mailbox for confirmation emails: address, link, and when each was seen."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses
from typing import Any
from urllib.parse import quote, urlsplit

from petition.demo.http_client import SiteClient, Unreachable

CONFIRMATION_LINK_PATTERN = re.compile(r"https?://\S+/c/[A-Za-z0-9._~-]+")


@dataclass(frozen=True)
class ConfirmationMail:
    """A confirmation email: its address, the path of its link, when it was seen (`time.monotonic` seconds).

    `received_at` is when the mail server took it (`time.time` seconds), None where the mailbox does not say.
    """

    to: str
    path: str
    seen_at: float
    received_at: float | None = None


class MailboxClient:
    """Reads the messages that arrive after its creation."""

    def __init__(self, site: SiteClient) -> None:
        """Skip the messages that exist. Raises `Unreachable` when the stack has no mailbox."""
        self._site = site
        self._last = ""
        self._fetch()

    def fetch_new(self) -> list[ConfirmationMail]:
        """Return the confirmation emails since the last call, oldest first."""
        messages = self._fetch()
        seen = time.monotonic()
        links = [(message, CONFIRMATION_LINK_PATTERN.search(message["text"] or "")) for message in messages]
        return [
            ConfirmationMail(address, urlsplit(link.group()).path, seen, _parse_received_at(message))
            for message, link in links
            if link
            for address in _parse_addresses(message["to"])
        ]

    def _fetch(self) -> list[dict[str, Any]]:
        answer = self._site.get("/mailbox/messages.json" + (f"?after={quote(self._last)}" if self._last else ""))
        if answer.status != 200:
            raise Unreachable(f"GET /mailbox/messages.json: {answer.status}; the demo needs `petition up`")
        messages: list[dict[str, Any]] = answer.json()
        if messages:
            self._last = str(messages[-1]["id"])
        return messages


def _parse_received_at(message: dict[str, Any]) -> float | None:
    text = message.get("headers", {}).get("X-Received-At")
    return datetime.fromisoformat(text).timestamp() if text else None


def _parse_addresses(to: str | list[str]) -> list[str]:
    return [address.lower() for _, address in getaddresses([to] if isinstance(to, str) else to)]
