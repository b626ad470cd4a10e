"""A relay to scripted mail providers: what each answers follows a script, by recipient domain and time."""

import time
from dataclasses import dataclass, field

from support.smtp_server import SmtpServer

RATE = "421 4.7.28 Our system has detected an unusual rate of mail originating from your IP address"
BLOCKED = "550 5.7.1 Service unavailable, client host blocked using Spamhaus"
POLICY = "550 5.7.1 Message refused by local policy"
GREYLISTED = "451 4.7.1 Greylisted, please try again later"


@dataclass
class Refuses:
    """Refuses everything with a reply until it is to recover."""

    reply: str
    recovered: bool = False

    def answer(self, address: str) -> str | None:
        return None if self.recovered else self.reply


@dataclass
class LimitsRate:
    """Takes so many emails within some seconds, and refuses what is beyond."""

    emails: int
    seconds: float
    taken: list[float] = field(default_factory=list)

    def answer(self, address: str) -> str | None:
        now = time.monotonic()
        self.taken = [at for at in self.taken if at > now - self.seconds]
        if len(self.taken) >= self.emails:
            return RATE
        self.taken.append(now)
        return None


@dataclass
class Greylists:
    """Takes an email only some seconds after it was offered first."""

    seconds: float
    first_offers: dict[str, float] = field(default_factory=dict)

    def answer(self, address: str) -> str | None:
        first = self.first_offers.setdefault(address, time.monotonic())
        return GREYLISTED if time.monotonic() - first < self.seconds else None


class ScriptedProviders(SmtpServer):
    """Accepts every email, but for domains with a script; remembers when what was offered and answered."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[str, Refuses | LimitsRate | Greylists] = {}
        self.offers: list[tuple[float, str, str | None]] = []
        self.on_rcpt = self._answer

    def _answer(self, address: str) -> str | None:
        script = self.scripts.get(address.rpartition("@")[2])
        reply = script.answer(address) if script else None
        self.offers.append((time.monotonic(), address, reply))
        return reply

    def rejections(self, *domains: str) -> int:
        """Return how many emails to these domains were refused."""
        return sum(reply is not None and to.rpartition("@")[2] in domains for _, to, reply in self.offers)
