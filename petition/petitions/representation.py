"""Petitions and their statistics as plain values, for the API and for the commands with `--json`: they agree."""

from dataclasses import asdict
from typing import Any

from petition.petitions.counters import Count, get_count
from petition.petitions.editing import edit_form
from petition.petitions.models import Petition
from petition.petitions.statistics.campaign import get_statistics


def represent_listed(petition: Petition, count: Count) -> dict[str, Any]:
    """Return what a list of petitions shows of one, in any state."""
    return {
        "slug": petition.slug,
        "state": petition.state_now,
        "title": petition.text_in(petition.default_language).title,
        "version": petition.version,
        "count": represent_count(count),
    }


def represent_petition(petition: Petition) -> dict[str, Any]:
    """Return the same with all fields of the form at the desk, each as it is typed there."""
    return {
        **represent_listed(petition, get_count(petition)),
        "fields": edit_form.values_from_petition(petition),
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
