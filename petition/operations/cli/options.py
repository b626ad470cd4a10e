"""Options that several commands of `petition queue` share."""

from collections.abc import Callable
from typing import Any

import click

from petition.delivery.queues import EMAIL_QUEUES
from petition.operations.failures import FILTER_STATES, DeliveryFilter

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


def build_filter(queue: str | None, state: str | None, cause: str | None, domain: str | None) -> DeliveryFilter:
    """Return the filter that the options name; `-` is an empty cause or domain, as in the table."""
    return DeliveryFilter(queue, state, "" if cause == "-" else cause, "" if domain == "-" else domain)
