"""Options that several commands of `petition queue` share."""

from collections.abc import Callable
from typing import Any

import click

from petition.core.cli_support import CommandError
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations.failures import AGES, FILTER_STATES, MAX_ATTEMPTS, DeliveryFilter, parse_time

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def delivery_filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select among deferred, failed and unknown deliveries."""
    for option in (
        click.option("--domain", help="Recipient domain, such as orange.fr."),
        click.option("--cause", help='As `failures` shows it, such as "550 5.7.1".'),
        click.option("--state", type=click.Choice(FILTER_STATES)),
        click.option("--queue", type=click.Choice(list(EMAIL_QUEUES))),
    ):
        command = option(command)
    return command


def attempt_filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select by what was tried, when and by whom."""
    for option in (
        click.option("--age", type=click.Choice(AGES), help="dead: failed or unknown, and not tried for 7 days."),
        click.option("--attempts", type=click.IntRange(0, MAX_ATTEMPTS), help="At least so many attempts."),
        click.option("--worker", help="A worker that tried, as `host/pid`."),
        click.option("--until", help="Last tried before this time (ISO 8601; UTC without a zone)."),
        click.option("--since", help="Last tried at this time or later."),
    ):
        command = option(command)
    return command


def build_filter(
    queue: str | None, state: str | None, cause: str | None, domain: str | None,
    since: str | None = None, until: str | None = None, **others: Any,
) -> DeliveryFilter:  # fmt: skip
    """Return the filter that the options name; `-` is an empty cause or domain, as in the table."""
    times: dict[str, str | None] = {"since": since, "until": until}
    for name, value in times.items():
        times[name] = parse_time(value or "")
        if value and not times[name]:
            raise CommandError(f"--{name}: not a time such as 2026-11-20 or 2026-11-20T08:00")
    cause, domain = ("" if value == "-" else value for value in (cause, domain))
    return DeliveryFilter(queue, state, cause, domain, since=times["since"], until=times["until"], **others)
