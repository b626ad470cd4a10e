"""Random lives of signers who choose when to be named, compared with a plain model: no name before its condition."""

import os
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select
from support.factories import make_account, make_petition, make_signature, open_session, spell
from support.outputs import read_all, read_quick

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, update_details, withdraw
from petition.signatures.staff.invalidate import invalidate, reinstate
from petition.signatures.staff.restriction import restrict
from petition.signatures.tasks import run_release_names
from petition.team.models import TEAM_ROLES

PEOPLE = ("qxada", "qxbea", "qxcleo", "qxdora")
PROFESSIONS = ("Juge", "juge", "Avocate", "")
CHOICES = ("now", "never", "total", "profession")
LIVES = int(os.environ.get("LIVES", "0"))  # unset: a few, the same each time
FULL_EVERY = 500  # lives: every page is read after one of so many
numbers = count()


@dataclass
class Person:
    """What a signer was promised. `waits_for` is None once the name may be shown."""

    profession: str
    waits_for: str | None = None
    needed: int = 0
    listed: bool = False


@dataclass
class World:
    """The signers of one petition by name, as the model sees them."""

    offers: dict[str, int] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)

    def choose(self, person: Person, choice: str) -> None:
        """Apply the choice of somebody who signs."""
        person.waits_for = choice if choice in self.offers else None
        person.needed, person.listed = self.offers.get(choice, 0), choice == "now"

    def may_sign(self, choice: str, profession: str) -> bool:
        """Say whether the form can be sent."""
        return choice in ("now", "never") or (choice in self.offers and (choice == "total" or bool(profession)))

    def change(self, person: Person, choice: str) -> None:
        """Apply a change of mind on the personal page."""
        if person.waits_for is None:
            person.listed = choice == "now"
        elif choice == "now":
            person.waits_for, person.listed = None, True
        elif choice == "never":
            person.waits_for = "never"
        elif choice != person.waits_for and self.may_sign(choice, person.profession):
            person.waits_for, person.needed = choice, self.offers[choice]

    def release(self, confirmed: set[str], restricted: set[str]) -> None:
        """Name those for whom enough have signed."""
        for name in confirmed - restricted:
            person = self.people[name]
            alike = {other for other in confirmed if person.profession.lower() == self.people[other].profession.lower()}
            signed = {"total": len(confirmed), "profession": len(alike)}.get(person.waits_for or "", 0)
            if person.waits_for in ("total", "profession") and signed >= person.needed:
                person.waits_for, person.listed = None, True


def act(petition, world, event):
    """Let an event happen to the database and to the model."""
    kind, name, choice, profession, number = event
    row = rows_of(petition).get(name)
    if kind == "offer":
        petition.named_total, petition.named_profession = number, number - 1 or None
        petition.version += 1
        db.session.commit()
        world.offers = {"total": number} | ({"profession": number - 1} if number > 1 else {})
    elif kind == "time":
        confirmed = {key for key, one in rows_of(petition).items() if one.state == "confirmed"}
        world.release(confirmed, {key for key, one in rows_of(petition).items() if one.restricted_at})
        run_release_names()
    elif kind == "sign":
        if not world.may_sign(choice, profession):
            return
        before = row.state if row else None
        make_signature(petition, name=f"{name} Vernet", email=f"{name}@example.org", named_when=choice,
                       profession=profession)  # fmt: skip
        db.session.expire_all()
        if before in (None, "pending", "withdrawn") and rows_of(petition)[name].state == "pending":
            world.people[name] = person = Person(profession)
            world.choose(person, choice)
    elif row is not None:
        act_on(row, kind, choice, world)
        db.session.commit()


def act_on(row, kind, choice, world):
    name = own_key(row)
    person = world.people[name]
    if kind == "confirm" and row.state == "pending":
        confirm_signature(row)
    elif kind == "withdraw":
        withdraw(row)
    elif kind == "invalidate":
        invalidate(row)
    elif kind == "reinstate":
        reinstate(row)
    elif kind == "restrict" and row.restricted_at is None:
        restrict(row)
        person.listed, person.waits_for = False, person.waits_for and "never"
    elif kind == "erase":
        erase(row)
        del world.people[name]
    elif kind == "change" and row.state == "confirmed":
        try:
            update_details(row, {"named_when": choice, "listed": "on" if choice == "now" else ""})
        except DomainError:
            db.session.rollback()
            return
        world.change(person, choice)


def own_key(row):
    return row.email_canonical.partition("@")[0]


def rows_of(petition):
    db.session.expire_all()
    return {own_key(row): row for row in db.session.scalars(select(Signature).filter_by(petition_id=petition.id))}


def check_columns(petition, world):
    """Fail where a name is in the column of names before its time, or missing from it afterwards."""
    for name, row in rows_of(petition).items():
        waits = world.people[name].waits_for is not None
        assert (row.name == "", row.withheld_name is not None) == (waits, waits), name
        assert row.listed == world.people[name].listed, name


def check_outputs(petition, world, outputs):
    """Fail where an output has a name before its time, or the list does not have it afterwards."""
    outputs, rows = list(outputs), rows_of(petition)
    for name, person in world.people.items():
        if person.waits_for:
            assert [where for where, what in outputs if f"{name} vernet" in what.lower()] == []
            assert [where for where, what in outputs if f"{name}@" in what.lower()] == []
        elif person.listed and rows[name].state == "confirmed":
            assert f"{name} Vernet" in dict(outputs)["list"]


EVENTS = st.tuples(
    st.sampled_from(
        ("sign", "sign", "confirm", "confirm", "time", "time", "change", "withdraw", "offer", "invalidate", "reinstate",
         "restrict", "erase")
    ),
    st.sampled_from(PEOPLE), st.sampled_from(CHOICES), st.sampled_from(PROFESSIONS), st.integers(1, 4),
)  # fmt: skip


def live(app, team, life):
    """Let one life happen, and compare outputs with the model."""
    number = next(numbers)
    petition = make_petition(slug=f"lives-{spell(number)}", named_total=2, named_profession=2)
    world = World({"total": 2, "profession": 2})
    for kind, name, *details in life:
        event = (kind, f"{name}{spell(number)}", *details)  # pages that list all petitions have other lives' people
        note(event)
        act(petition, world, event)
        check_columns(petition, world)
    check_outputs(petition, world, read_quick(petition))
    if number % FULL_EVERY == FULL_EVERY - 1:
        row = next(iter(rows_of(petition).values()), None)
        values = {"slug": petition.slug, "signature_id": str(row.id if row else 1), "mailing_id": "1"}
        criteria = {"petition": petition.slug, "state": "confirmed", "email": row.email if row else "a@example.org"}
        check_outputs(petition, world, read_all(app, team, petition, values, criteria))
    db.session.rollback()


@pytest.mark.parametrize("lives", [8, pytest.param(LIVES or 300, marks=pytest.mark.slow)])
def test_no_name_is_shown_before_its_condition_and_every_one_afterwards(app, client, lives):
    open_session(client, make_account(role_names=list(TEAM_ROLES)))

    @settings(
        max_examples=lives, deadline=None, database=None, derandomize=lives == 8,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(EVENTS, min_size=4, max_size=16))
    @example([
        ("sign", "qxada", "total", "Juge", 1), ("confirm", "qxada", "now", "", 1), ("time", "qxada", "now", "", 1),
        ("sign", "qxbea", "now", "", 1), ("confirm", "qxbea", "now", "", 1), ("time", "qxada", "now", "", 1),
    ])  # fmt: skip
    def run(life):
        live(app, client, life)

    run()
