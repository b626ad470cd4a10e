"""Petitions and their statistics as plain values, for the API and for the commands with `--json`: they agree."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from petition.petitions.counters import Count, get_count
from petition.petitions.models import Petition
from petition.petitions.statistics import get_statistics

# What is represented as it is stored.
PLAIN_COLUMNS = (
    "slug", "kind", "default_language", "sender_name", "reply_to", "asks", "listing", "list_indexed",
    "statistics_public", "accepts_organisations", "embed_origins", "milestones", "timezone", "opens_at", "closes_at",
    "handed_over_at", "won_at", "retention_months", "passes_on_to", "version",
)  # fmt: skip
TEXT_COLUMNS = ("title", "summary", "body", "addressee", "professions")


def represent_petition(petition: Petition, count: Count) -> dict[str, Any]:
    """Return the settings of a petition, its texts and its count. Times are ISO 8601, in UTC."""
    values = {name: getattr(petition, name) for name in PLAIN_COLUMNS}
    return {
        **{name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()},
        "state": petition.state_now,
        "texts": {
            language: {name: getattr(text, name) for name in TEXT_COLUMNS} for language, text in petition.texts.items()
        },
        "count": represent_count(count),
    }


def represent_count(count: Count) -> dict[str, int]:
    """Return a count as every answer of the API has it."""
    return {name: getattr(count, name) for name in ("confirmed", "people", "organisations", "paper", "goal")}


def represent_statistics(petition: Petition) -> dict[str, Any]:
    """Return what the page of statistics at the desk shows."""
    statistics = get_statistics(petition)
    return {
        "slug": petition.slug,
        "state": petition.state_now,
        "as_of": statistics.as_of,
        "count": represent_count(get_count(petition)),
        "submitted": statistics.submitted,
        "mailed": statistics.mailed,
        "confirmed": statistics.confirmed,
        "days": [asdict(bucket) for bucket in statistics.days],
        "groups": {
            name: {
                "values": [{"value": label, "confirmed": n} for label, n in breakdown.rows],
                "other": breakdown.others,
                "not_given": breakdown.unknown,
            }
            for name, breakdown in statistics.breakdowns.items()
        },
    }
