"""The table of what is kept: docs/privacy.md prints it, it speaks of every table, and its tasks run."""

import re
from pathlib import Path

import pytest

from config import SETTINGS
from petition.core.db import db
from petition.retention.rules import BEGIN_MARK, END_MARK, IMPERSONAL_TABLES, RULES, UNITS, render_table, replace_table

ROOT = Path(__file__).parents[2]


def test_the_document_is_printed_from_the_rules():
    document = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert render_table() in document, (
        "docs/privacy.md differs from petition/retention/rules.py: run `petition retention document`"
    )


@pytest.mark.usefixtures("app")
def test_every_table_is_in_a_rule_or_says_nothing_of_people():
    ruled = {table for rule in RULES for table in rule.tables}
    tables = {table.name for table in db.metadata.sorted_tables}
    assert tables - ruled - IMPERSONAL_TABLES == set(), "add a row to petition/retention/rules.py for these"
    assert ruled | IMPERSONAL_TABLES <= tables
    assert not ruled & IMPERSONAL_TABLES


def test_what_time_does_is_a_task_that_runs():
    schedule = (ROOT / "worker.py").read_text(encoding="utf-8")
    for task in {rule.task for rule in RULES if rule.task}:
        assert f'"{task}"' in schedule, task


def test_periods_name_settings_that_exist():
    named = {name for rule in RULES for name in re.findall(r"{(\w+)}", rule.until)}
    units = {setting.name: setting.unit for setting in SETTINGS}
    assert named == set(UNITS)
    assert {name: units[name] for name in UNITS} == UNITS


def test_a_table_that_differs_is_made_anew_between_its_marks():
    made = replace_table(f"before\n{BEGIN_MARK}\nold\n{END_MARK}\nafter")
    assert made == f"before\n{render_table()}\nafter"
    with pytest.raises(ValueError, match="there is no"):
        replace_table("no marks")
