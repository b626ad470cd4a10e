"""Generate the signers of the demo: fictional people, addresses of reserved domains."""

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from petition.demo import CAMPAIGN_FILE
from petition.demo.names import FIRST_NAMES, LAST_NAMES, PLACES

DOMAINS = ("example.org", "example.net", "example.com")


@dataclass(frozen=True)
class Signer:
    """One signature to make; `network` is its client address, from the range reserved for benchmarks."""

    party: str
    name: str
    organisation: str
    email: str
    profession: str
    city: str
    postal_code: str
    country: str
    listed: bool
    updates: bool
    locale: str
    network: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the API, without empty ones."""
        fields = {name: value for name, value in vars(self).items() if name != "network"}
        return {name: value for name, value in fields.items() if value != ""}

    def as_form(self) -> dict[str, str]:
        """Return the fields as a browser sends them: a ticked box is "on", an unticked one is absent."""
        fields = {name: "on" if value is True else value for name, value in self.as_json().items()}
        return {name: value for name, value in fields.items() if value is not False}


def load_front_matter() -> dict[str, Any]:
    """Return the front matter of the campaign file."""
    # Not by the application's own reader: the demo knows the application over HTTP only.
    front: dict[str, Any] = yaml.safe_load(CAMPAIGN_FILE.read_text(encoding="utf-8").split("---\n", 2)[1])
    return front


def list_organisations() -> list[str]:
    """Return the names of the organisations that the French text of the letter lists, in its order."""
    french = CAMPAIGN_FILE.read_text(encoding="utf-8").split("\n# fr:", 1)[1].split("\n# ", 1)[0]
    return re.findall(r"^- (.+)$", french, flags=re.MULTILINE)


def generate_signers(people: int, bodies: int, seed: int, run: str) -> list[Signer]:
    """Return the signers of one run, people and organisations shuffled.

    The same arguments return the same signers; another `run`, other addresses. Every address is unique.
    """
    chance = random.Random(seed)
    professions = load_front_matter()["professions"]
    signers = [
        *_generate_people(people, chance, professions, run),
        *_generate_organisations(bodies, chance, professions, run, people),
    ]
    chance.shuffle(signers)
    return signers


def _generate_people(
    count: int, chance: random.Random, professions: dict[str, list[str]], run: str
) -> Iterator[Signer]:
    for number in range(count):
        name = _generate_name(chance)
        local = f"{_slugify(name).replace('-', '.')}.{run}.{number}"
        yield _build_signer("person", name, "", f"{local}@{chance.choice(DOMAINS)}", chance, professions, number)


def _generate_organisations(
    count: int, chance: random.Random, professions: dict[str, list[str]], run: str, first: int
) -> Iterator[Signer]:
    names = list_organisations()
    for number in range(count):
        repeat, index = divmod(number, len(names))
        organisation = names[index] + (f" ({repeat + 1})" if repeat else "")
        email = f"contact.{_slugify(organisation)[:24].strip('-')}.{run}.{first + number}@example.org"
        yield _build_signer(
            "organisation", _generate_name(chance), organisation, email, chance, professions, first + number
        )


def _build_signer(
    party: str,
    name: str,
    organisation: str,
    email: str,
    chance: random.Random,
    professions: dict[str, list[str]],
    number: int,
) -> Signer:
    locale = "fr" if chance.random() < 0.85 else "en"
    city, postal_code, country = chance.choice(PLACES)
    profession = chance.choice(chance.choice(professions[locale]).split(" / "))
    listed = party == "organisation" or chance.random() < 0.7
    updates = chance.random() < 0.5
    place = city, postal_code, country
    return Signer(
        party, name, organisation, email, profession, *place, listed, updates, locale, fake_ip_address(number)
    )


def fake_ip_address(number: int) -> str:
    """Return an address in 198.18.0.0/15 (RFC 2544); 512 consecutive numbers are 512 different /24s."""
    return f"198.{18 + number // 256 % 2}.{number % 256}.{1 + number // 512 % 254}"


def _generate_name(chance: random.Random) -> str:
    return f"{chance.choice(FIRST_NAMES.split())} {chance.choice(LAST_NAMES.split()).replace('-', ' ')}"


def _slugify(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
