"""No command cuts what it prints: at 80 columns, and piped, tables are folded."""

import os
from collections import Counter
from contextlib import nullcontext

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update
from support.factories import make_account, make_mailing, make_petition, make_signature
from support.heartbeats import record_lasting_heartbeat

from petition.commands import cli
from petition.core.cli_support import AppProvider, console
from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import suppress
from petition.operations.probes.results import record_probe
from petition.operations.probes.smtp_probe import MAIL_SERVER

LONG_DOMAIN = "departement-de-la-protection-judiciaire.administration-penitentiaire.example.org"
LONG_REASON = (
    "550 5.7.1 [TSS04] Messages from 198.51.100.7 temporarily deferred for [unusual] user complaints; " * 2 + "end"
)
# Every command that prints a table; {} is an id.
TABLES = (
    "petitions list",
    "petitions show {slug}",
    "signatures list",
    "signatures show {signature}",
    "team list",
    "mailings list",
    "mailings preview {mailing}",
    "mailings report {mailing}",
    "bounces list",
    "suppressions count",
    "suppressions keys",
    "requests list",
    "retention show",
    "count-log show {slug}",
    "queue status",
    "queue providers",
    "queue failures",
    "queue retry --state failed",
    "queue discard --state failed",
)


def walk(command, path=()):
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from walk(each, (*path, name))


@pytest.fixture
def invoke(app, monkeypatch):
    """Return a function that runs a command, piped, with this many columns, and returns what it printed."""
    monkeypatch.setitem(cli.context_settings, "obj", AppProvider(lambda: nullcontext(app)))
    provider = AppProvider(lambda: nullcontext(app))
    monkeypatch.setattr("petition.commands.AppProvider", lambda _open: provider)

    def run(arguments, columns):
        monkeypatch.setattr(console, "_width", columns)
        monkeypatch.setitem(os.environ, "COLUMNS", str(columns))
        return CliRunner().invoke(cli, arguments, input="n\n", terminal_width=columns)

    return run


@pytest.fixture
def names(app):
    """Return the ids of rows whose texts are all longer than a column."""
    petition = make_petition(slug="une-lettre-ouverte-au-sujet-de-l-acces-au-reseau-en-detention")
    signature = make_signature(petition, email=f"zoe.de.la.tour.d.auvergne.lauraguais@{LONG_DOMAIN}")
    mailing = make_mailing(petition)
    mailing.name = "Des nouvelles de la lettre [brouillon], pour celles et ceux qui en ont voulu, en septembre"
    make_account(email=f"alexandrine.de.la.rochefoucauld@{LONG_DOMAIN}", role_names=["operator", "editor"])
    db.session.execute(
        update(Delivery).values(
            state="failed", cause="550 5.7.1", domain=LONG_DOMAIN, reason=LONG_REASON[:200], tried_at=func.now(),
            settled_at=func.now(),
        )
    )  # fmt: skip
    delivery = db.session.scalar(select(Delivery.id).limit(1))
    bounce = {"kind": "policy", "status": "5.7.1", "response": LONG_REASON[:200], "source": "mailbox"}
    db.session.add(Bounce(**bounce, delivery_id=delivery, digest="0" * 64))
    suppress("nobody@example.org", LONG_REASON[:200])
    record_lasting_heartbeat(
        "worker", "confirmations@a-host-with-a-name-of-some-length.internal.example", ["confirmations"]
    )
    record_probe(MAIL_SERVER, False, LONG_REASON[:200], 12)
    db.session.commit()
    return {"slug": petition.slug, "signature": signature.id, "mailing": mailing.id}


def characters(text):
    return Counter(character for character in text if not character.isspace())


@pytest.mark.parametrize("command", TABLES)
def test_tables_lose_nothing_at_eighty_columns(invoke, names, command):
    arguments = command.format(**names).split()
    narrow, wide = invoke(arguments, 80), invoke(arguments, 2000)
    assert narrow.exception is None or isinstance(narrow.exception, SystemExit), narrow.output
    assert "…" not in narrow.output
    assert narrow.output.strip()
    lost = characters(wide.output) - characters(narrow.output)
    digits = {each for each in lost if each.isdigit()}  # times and ids that moved on between the two
    assert set(lost) <= digits, narrow.output
    assert "TSS04" not in narrow.output or "[TSS04] Messages" in " ".join(narrow.output.split())
    assert narrow.output.count("unusual") == narrow.output.count("[unusual]"), "square brackets are text"
    padded = [line for line in narrow.output.splitlines() if line != line.rstrip() and line != "-- "]  # of an email
    assert not padded, "no line ends in spaces"


def test_options_that_select_failures_are_whole(invoke, names):
    text = invoke(["queue", "failures"], 80).output
    assert f"--cause '550 5.7.1' --domain {LONG_DOMAIN}" in text


@pytest.mark.parametrize("path", [path for path, _ in walk(cli)], ids=" ".join)
def test_help_fits_and_is_whole(invoke, path):
    text = invoke([*path, "--help"], 80).output
    assert all(len(line) <= 80 for line in text.splitlines())
    described = text.partition("Commands:")[2]
    assert "..." not in described
    assert text.count(".") or not path


def test_every_command_that_prints_a_table_is_tested():
    printed = {" ".join(command.split()[:2]) for command in TABLES}
    verbs = ("list", "show", "status", "failures", "count", "keys", "preview", "report")
    listing = {" ".join(path) for path, _ in walk(cli) if path and path[-1] in verbs}
    assert listing <= printed, listing - printed
