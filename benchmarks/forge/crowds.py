"""Who signs in a replay: genuine crowds as they are, and attacks by somebody who forges with a method and a budget.

Each is a list of `Event`: what the columns of a signature hold, and when. The same seed makes the same people. An
attacker's style (how soon it confirms, how it makes addresses, which boxes it ticks) is drawn for each attack.
"""

import itertools
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from petition.demo.names import FIRST_NAMES, LAST_NAMES

DAY_SECONDS = 86_400.0  # of a replay
LARGE = ("gmail.com",) * 40 + ("orange.fr",) * 12 + ("free.fr",) * 9 + ("hotmail.fr",) * 8 + ("wanadoo.fr",) * 6 + (
    "laposte.net", "sfr.fr", "yahoo.fr", "outlook.fr", "icloud.com", "proton.me",
)  # fmt: skip
HOSTS = ("ovh.net", "google.com", "outlook.com", "gandi.net", "ionos.fr", "infomaniak.ch", "renater.fr")
SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bou",
    "cha",
    "che",
    "da",
    "de",
    "di",
    "dra",
    "du",
    "fa",
    "fe",
    "ga",
    "gre",
    "gui",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "mer",
    "mi",
    "mo",
    "na",
    "ni",
    "no",
    "pa",
    "per",
    "pi",
    "po",
    "ra",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "tou",
    "va",
    "ve",
    "vi",
]
FIRST, LAST = FIRST_NAMES.split(), LAST_NAMES.split()


@dataclass
class Event:
    """One signature: when it was signed (seconds from the start), and after how long confirmed; None: never."""

    at: float
    delay: float | None
    name: str
    local: str
    domain: str
    network: int
    same_network: bool
    updates: bool
    listed: bool
    profession: str | None = None


@dataclass
class Crowd:
    """A crowd, genuine or forged, and what its attacker pays for: domains, networks, mailboxes."""

    name: str
    forged: bool
    events: list[Event]
    style: str = ""
    domains: dict[str, str] = field(default_factory=dict)  # domain → who receives its mail
    mailboxes: int = 0


class People:
    """Draws names, addresses, delays and boxes as people have them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = itertools.count(1)
        self.networks = itertools.count(1)

    def name(self) -> str:
        """Return a name: a third of the last names are frequent ones, others rare, as in a directory."""
        draw = self.random
        last = draw.choice(LAST) if draw.random() < 0.35 else "".join(draw.choices(SYLLABLES, k=3)).capitalize()
        return f"{draw.choice(FIRST)} {last}"

    def local(self, name: str, related: float) -> str:
        """Return the part of an address before the @; with a share of them made of the name."""
        draw, number = self.random, next(self.numbers)
        first, last = (_ascii(word) for word in name.split(" ", 1))
        if draw.random() < related:
            return draw.choice((f"{first}.{last}{number}", f"{first[0]}{last}{number}", f"{last}.{first}{number}"))
        return draw.choice(("chatnoir", "lilas", "velo", "soleil", "kermesse", "moto", "bzh")) + str(number)

    def person(
        self, at: float, domain: str, network: int, *, related: float = 0.68, median: float = 150.0,
        sigma: float = 1.4, confirms: float = 0.78, same: float = 0.82, profession: str | None = None,
    ) -> Event:  # fmt: skip
        """Return somebody who signs."""
        draw, name = self.random, self.name()
        delay = draw.lognormvariate(0, sigma) * median if draw.random() < confirms else None
        return Event(
            at, delay, name, self.local(name, related), domain, network, draw.random() < same, draw.random() < 0.36,
            draw.random() < 0.7, profession,
        )  # fmt: skip

    def times(self, n: int, start: float, seconds: float, peak: float = 0.3) -> Iterator[float]:
        """Return moments of a crowd: it rises fast and ebbs away."""
        for _ in range(n):
            yield start + seconds * self.random.betavariate(1.3, 1 + 1.3 / peak)


def _ascii(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    return plain.replace("-", "")


# Genuine crowds.


def passers_by(people: People, n: int) -> Crowd:
    """Return who signs over the day, by night less: at large providers, some at domains of their own."""
    draw, events, domains = people.random, [], {}
    for _ in range(n):
        hour = draw.choices(range(24), [2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 8, 9, 8, 7, 7, 8, 9, 10, 10, 9, 8, 6, 4])[0]
        if draw.random() < 0.88:
            domain = draw.choice(LARGE)
        else:
            domain = f"{''.join(draw.choices(SYLLABLES, k=4))}.fr"
            domains[domain] = draw.choice(HOSTS) if draw.random() < 0.85 else domain
        events.append(people.person(hour * 3600 + draw.random() * 3600, domain, next(people.networks)))
    return Crowd("people over the day", False, events, domains=domains)


def school(people: People, n: int) -> Crowd:
    """Return pupils of one school within an hour, from its network: helped to tick the boxes, and to confirm."""
    network, domain = next(people.networks), "lycee-des-sources.fr"
    events = [
        people.person(at, domain if people.random.random() < 0.45 else people.random.choice(LARGE), network,
                      related=0.85, median=70, sigma=1.0, confirms=0.88, same=0.93)
        for at in people.times(n, 36_000, 3_600)
    ]  # fmt: skip
    for event in events:
        if people.random.random() < 0.9:
            event.updates, event.listed = False, True
    return Crowd("a school behind one network", False, events, domains={domain: "renater.fr"})


def newsroom(people: People, n: int) -> Crowd:
    """Return readers after a programme: half of them within ten minutes, by phone."""
    events = [
        people.person(at, people.random.choice(LARGE), next(people.networks), median=110, same=0.7)
        for at in people.times(n, 71_000, 2_400, peak=0.15)
    ]
    return Crowd("a spike after the news", False, events)


def employer(people: People, n: int) -> Crowd:
    """Return the staff of one company, by its own domain and mail server, after an email to all of them."""
    office, domain = [next(people.networks) for _ in range(3)], "grande-imprimerie.fr"
    events = [
        people.person(at, domain,
                      people.random.choice(office) if people.random.random() < 0.75 else next(people.networks),
                      related=0.97, median=80, sigma=1.3, confirms=0.84, same=0.88, profession=None)
        for at in people.times(n, 50_000, 9_000)
    ]  # fmt: skip
    return Crowd("one employer’s domain", False, events, domains={domain: domain})


def tor(people: People, n: int) -> Crowd:
    """Return people behind Tor: a few exits, another one for each step, names that the address does not say."""
    exits = [next(people.networks) for _ in range(25)]
    domains = ("proton.me", "riseup.net", "tuta.com", "posteo.de", "gmail.com", "mailbox.org")
    events = [
        people.person(people.random.uniform(0, DAY_SECONDS), people.random.choice(domains), people.random.choice(exits),
                      related=0.35, median=200, same=0.06)
        for _ in range(n)
    ]  # fmt: skip
    return Crowd("Tor", False, events)


def lawyers(people: People, n: int) -> Crowd:
    """Return lawyers of a mailing list: many at the domain of their bar, others at firms; each from an own network."""
    draw, events, domains = people.random, [], {"avocats-du-barreau.fr": "avocats-du-barreau.fr"}
    for at in people.times(n, 32_000, 14_000):
        domain = "avocats-du-barreau.fr"
        if draw.random() < 0.55:
            domain = f"cabinet-{''.join(draw.choices(SYLLABLES, k=3))}.fr"
            domains[domain] = draw.choice(HOSTS)
        events.append(people.person(at, domain, next(people.networks), related=0.95, median=140, same=0.8,
                                    profession="Avocat"))  # fmt: skip
    return Crowd("a mailing list of lawyers", False, events, domains=domains)


# Attacks.


class Forger:
    """The style of one attack."""

    def __init__(self, people: People) -> None:
        draw = self.random = people.random
        self.people = people
        self.is_patient = draw.random() < 0.5  # waits up to five minutes before it confirms
        self.has_names = draw.random() < 0.5  # addresses made of the names
        self.ticks_like_people = draw.random() < 0.5
        self.keeps_network = draw.random() < 0.5  # confirms from where it signed
        self.boxes = (draw.random() < 0.5, draw.random() < 0.8)
        words = {"is_patient": "patient", "has_names": "names in addresses", "ticks_like_people": "mixed boxes",
                 "keeps_network": "same network"}  # fmt: skip
        self.style = ", ".join(text for name, text in words.items() if getattr(self, name)) or "careless"

    def sign(self, at: float, domain: str, network: int, name: str | None = None, local: str | None = None) -> Event:
        """Return one forged signature."""
        draw, name = self.random, name or self.people.name()
        random_local = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=10))
        local = local or (self.people.local(name, 1.0) if self.has_names else random_local)
        delay = draw.uniform(10, 300) if self.is_patient else draw.uniform(2, 25)
        updates, listed = self.boxes
        if self.ticks_like_people:
            updates, listed = draw.random() < 0.36, draw.random() < 0.7
        same = self.keeps_network or draw.random() < 0.02
        return Event(at, delay, name, local, domain, network, same, updates, listed)


def _spread(n: int, start: float, seconds: float, draw: random.Random) -> list[float]:
    return sorted(start + draw.random() * seconds for _ in range(n))


def catch_all(people: People, n: int) -> Crowd:
    """Return unique names at one domain that accepts every address, within an hour."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(max(60, n // 200))]
    domain = f"{''.join(people.random.choices(SYLLABLES, k=4))}mail.net"
    events = [forger.sign(at, domain, people.random.choice(networks))
              for at in _spread(n, 20_000, 3_600, people.random)]  # fmt: skip
    return Crowd("unique names at one catch-all domain", True, events, forger.style, {domain: domain})


def one_mail_server(people: People, n: int) -> Crowd:
    """Return 200 domains whose mail one server receives, within two hours."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(max(60, n // 200))]
    server = f"{''.join(people.random.choices(SYLLABLES, k=4))}.xyz"
    domains = {f"{''.join(people.random.choices(SYLLABLES, k=4))}{i}.com": server for i in range(200)}
    events = [forger.sign(at, people.random.choice(list(domains)), people.random.choice(networks))
              for at in _spread(n, 40_000, 7_200, people.random)]  # fmt: skip
    return Crowd("200 domains on one mail server", True, events, forger.style, domains)


def spellings(people: People, n: int) -> Crowd:
    """Return few mailboxes in many spellings, with dots and what follows a +, at a provider that ignores both."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(max(60, n // 200))]
    boxes = ["".join(people.random.choices("abcdefghijklmnopqrstuvwxyz", k=11)) for _ in range(max(10, n // 60))]
    events, seen = [], set()
    for at in _spread(n, 57_000, 5_400, people.random):
        while True:
            box = people.random.choice(boxes)
            dotted = "".join(c + ("." if people.random.random() < 0.3 and i < 10 else "") for i, c in enumerate(box))
            local = f"{dotted}+{people.random.randrange(1000)}" if people.random.random() < 0.5 else dotted
            if local not in seen:
                break
        seen.add(local)
        events.append(forger.sign(at, "mailo.com", people.random.choice(networks), local=local))
    return Crowd("dots and plus of few mailboxes", True, events, forger.style, mailboxes=len(boxes))


def many_networks(people: People, n: int) -> Crowd:
    """Return signatures from 5,000 networks, at 40 domains with two mail servers."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(5_000)]
    servers = [f"{''.join(people.random.choices(SYLLABLES, k=4))}.top" for _ in range(2)]
    domains = {f"{''.join(people.random.choices(SYLLABLES, k=3))}{i}.org": people.random.choice(servers)
               for i in range(40)}  # fmt: skip
    events = [forger.sign(at, people.random.choice(list(domains)), people.random.choice(networks))
              for at in _spread(n, 64_000, 7_200, people.random)]  # fmt: skip
    return Crowd("5,000 networks", True, events, forger.style, domains)


def slow(people: People, n: int) -> Crowd:
    """Return one signature a minute, all day long, at three domains with one mail server; more a minute if n asks."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(500)]
    server = f"{''.join(people.random.choices(SYLLABLES, k=4))}.site"
    domains = {f"{''.join(people.random.choices(SYLLABLES, k=4))}.info": server for _ in range(3)}
    events = [forger.sign(DAY_SECONDS * (i + people.random.random()) / n, people.random.choice(list(domains)),
                          people.random.choice(networks)) for i in range(n)]  # fmt: skip
    return Crowd("slow, one a minute for a day", True, events, forger.style, domains)


def copied_names(people: People, n: int, names: list[str]) -> Crowd:
    """Return names of people who signed before, at ten domains, each with a mail server of its own."""
    forger, networks = Forger(people), [next(people.networks) for _ in range(max(200, n // 20))]
    domains = {domain: domain for domain in (f"{''.join(people.random.choices(SYLLABLES, k=4))}.eu" for _ in range(10))}
    events = [forger.sign(at, people.random.choice(list(domains)), people.random.choice(networks),
                          name=people.random.choice(names))
              for at in _spread(n, 76_000, 5_400, people.random)]  # fmt: skip
    return Crowd("copied names of real signers", True, events, forger.style, domains)


SHARES: dict[Callable[[People, int], Crowd], float] = {
    passers_by: 0.46,
    school: 0.07,
    newsroom: 0.2,
    employer: 0.1,
    tor: 0.05,
    lawyers: 0.12,
}
ATTACKS: tuple[Callable[[People, int], Crowd], ...] = (catch_all, one_mail_server, spellings, many_networks, slow)


def make_crowds(seed: int, genuine: int, forged: int) -> list[Crowd]:
    """Return every crowd of a replay."""
    people = People(seed)
    crowds = [make(people, round(genuine * share)) for make, share in SHARES.items()]
    per_attack = forged // (len(ATTACKS) + 1)
    crowds += [make(people, per_attack) for make in ATTACKS]
    names = [event.name for crowd in crowds[: len(SHARES)] for event in crowd.events if event.listed]
    return [*crowds, copied_names(people, per_attack, names)]
