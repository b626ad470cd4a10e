"""Names that are withheld until enough have signed: what is offered, what signers choose, who is named, how many wait.

The rule is the database's: until it lets a name be shown (`enough_signed`, migration 0048), the name is in a column
that only its signer's own pages read, and a constraint keeps it out of `name` and out of the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask_babel import gettext as _

from petition.backups import journal
from petition.backups.models import Act
from petition.core import read_replica
from petition.core.db import db
from petition.petitions.models import Listing, Petition
from petition.signatures.listing import withheld_queries
from petition.signatures.models import NamedWhen, Party, Signature

BATCH_SIZE = 500
MIN_GROUP = 5  # of one profession that is named; a smaller one would point at somebody
MAX_GROUPS = 10  # that a page shows
NOW = "now"
CHOICES = (NOW, *(when.value for when in NamedWhen))

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Naming:
    """What a signer chose about their name: shown now, never, or once enough have signed."""

    listed: bool
    named_when: str | None = None
    named_from: int | None = None
    team_sees_name: bool = False


@dataclass(frozen=True)
class WaitingGroup:
    """How many wait for the same. `needed` and `profession` are None for professions of which too few wait."""

    waiting: int
    when: str
    needed: int | None
    profession: str | None


def list_offers(petition: Petition, people: int = 0) -> dict[str, int]:
    """Return what a petition lets signers wait for, with the number that must have signed.

    `people`: how many have; what they are enough for is left out, as nobody would wait for it.
    """
    if petition.listing == Listing.NONE:
        return {}
    offers = {NamedWhen.TOTAL.value: petition.named_total if people < (petition.named_total or 0) else None}
    if "profession" in petition.asks:
        offers[NamedWhen.PROFESSION.value] = petition.named_profession
    return {when: number for when, number in offers.items() if number}


def list_choices(signature: Signature) -> dict[str, int]:
    """Return what a signer whose name is withheld may wait for: what is offered now, and what they were promised."""
    offers = list_offers(signature.petition) if signature.petition.people_can_confirm else {}
    if signature.named_when in (NamedWhen.TOTAL, NamedWhen.PROFESSION) and signature.named_from:
        offers[signature.named_when] = signature.named_from
    return offers


def parse_naming(
    petition: Petition,
    form: Mapping[str, Any],
    party: str,
    profession: str | None,
    errors: dict[str, str],
    now: Signature | None = None,
) -> Naming | None:
    """Return what a form or a JSON body says under `named_when`, None where it says nothing.

    `now`: the signature that it changes, which keeps what it was promised where the choice stays the same. Adds to
    `errors` what needs correction.
    """
    choice = form.get("named_when") or (now.named_when if now else None)
    if not choice:
        return None
    if choice in (NOW, NamedWhen.NEVER):
        return Naming(choice == NOW, None if now is None or choice == NOW else NamedWhen.NEVER)
    offers = list_choices(now) if now else list_offers(petition)
    if not isinstance(choice, str) or choice not in offers:
        errors["named_when"] = _("Choose one of the list.")
        return None
    if party != Party.PERSON:
        errors["named_when"] = _("An organisation is shown at once, or not at all.")
        return None
    if choice == NamedWhen.PROFESSION and not profession:
        errors["profession"] = _("Tell us your profession: your name waits for others who share it.")
        return None
    if now is not None:
        return Naming(False, choice, offers[choice], now.team_sees_name)
    return Naming(False, choice, offers[choice], petition.team_sees_withheld)


def change_naming(signature: Signature, naming: Naming | None) -> None:
    """Change when a withheld name is to be shown, as its signer decided. Does not flush."""
    if naming is None or signature.withheld_name is None:
        return
    if naming.named_when == NamedWhen.NEVER and signature.named_when != NamedWhen.NEVER:
        journal.record(Act.UNLISTED, signature.id, signature.email_canonical)
    if naming.listed:
        signature.name, signature.withheld_name = signature.withheld_name, None
        signature.listed = True
    signature.named_when, signature.named_from = naming.named_when, naming.named_from


def release_names() -> int:
    """Show a batch of names for which enough have signed. Flushes. Returns how many: call until none."""
    released = db.session.execute(withheld_queries.RELEASE_NAMES_SQL, {"batch_size": BATCH_SIZE}).all()
    if released:
        log.info("names shown, as enough have signed", names=len(released))
    return len(released)


def count_waiting() -> None:
    """Count those who wait to be named, for the pages that tell how many. Flushes."""
    db.session.execute(withheld_queries.COUNT_WAITING_SQL)


def list_waiting(petition: Petition) -> list[WaitingGroup]:
    """Return how many of a petition wait to be named: a few groups, none of which points at anybody."""
    if petition.listing == Listing.NONE:
        return []
    values = {"petition": petition.id, "min_group": MIN_GROUP, "max_groups": MAX_GROUPS}
    rows = read_replica.fetch_rows(withheld_queries.LIST_WAITING_SQL.bindparams(**values))
    return [WaitingGroup(row.waiting, row.named_when, row.needed, row.profession) for row in rows]
