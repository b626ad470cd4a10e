"""The options that the commands of `petition queue` share."""

from collections.abc import Callable
from typing import Any

import click

from petition.delivery.lanes import LANES
from petition.delivery.models import TROUBLE
from petition.operations.failures import Filter

JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


def WHICH(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose among the deliveries that are put off, failed or unknown."""
    for option in (
        click.option("--domain", help="Recipient domain, such as orange.fr."),
        click.option("--cause", help='As `failures` shows it, such as "550 5.7.1".'),
        click.option("--state", type=click.Choice(TROUBLE)),
        click.option("--lane", type=click.Choice(list(LANES))),
    ):
        command = option(command)
    return command


def filter_of(lane: str | None, state: str | None, cause: str | None, domain: str | None) -> Filter:
    """Return the filter that the options name; `-` stands for an empty cause or domain, as in the table."""
    return Filter(lane, state, "" if cause == "-" else cause, "" if domain == "-" else domain)
