"""The options by which the commands of `petition signatures` choose."""

from collections.abc import Callable
from typing import Any

import click

from petition.signatures.models import PARTIES, STATES

FILTER_OPTIONS = (
    click.option("--petition", help="Its slug."),
    click.option("--name", help="Words of a name or organisation, or their beginnings."),
    click.option("--email", help="Whole, or its beginning."),
    click.option("--profession", help="Its beginning."),
    click.option("--state", type=click.Choice(STATES)),
    click.option("--party", type=click.Choice(PARTIES)),
    click.option("--domain", help="Mail domain, such as example.org."),
    click.option("--network", help="An IP address, or # and the number of a signature."),
    click.option("--created-since", help="A day, such as 2026-12-31, in UTC."),
    click.option("--created-until", help="A day, included."),
    click.option("--confirmed-since", help="A day."),
    click.option("--confirmed-until", help="A day, included."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose among the signatures."""
    for option in reversed(FILTER_OPTIONS):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
