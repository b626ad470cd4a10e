"""`petition doctor`: check a set-up, and say what to do."""

import ipaddress
import json
import sys
import textwrap
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO

import click
from flask_babel import force_locale

from petition.core.cli_support import AppProvider, CommandError
from petition.operations.cli.options import json_option
from petition.operations.doctor import runner, settings
from petition.operations.doctor.dkim import HOST_PATTERN, SELECTOR_PATTERN
from petition.operations.doctor.findings import LEVELS_BY_SEVERITY, Finding, Level, find_worst, findings_to_json
from petition.operations.doctor.received_copy import MAX_COPY_BYTES

COLUMNS = 80
LEVEL_WIDTH, CHECK_WIDTH = 9, 13
COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.WRONG: "red"}


def _parse_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (value.count("@") != 1 or not value.isprintable() or " " in value or "." not in value):
        raise click.BadParameter("not an email address")
    return value


def _parse_ips(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    try:
        return [str(ipaddress.ip_address(value)) for value in values]
    except ValueError:
        raise click.BadParameter("not an IP address") from None


def _parse_selectors(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    if not all(SELECTOR_PATTERN.fullmatch(value) for value in values):
        raise click.BadParameter("not a selector such as s1, or a name such as s1._domainkey.example.org")
    return values


def _parse_domain(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not HOST_PATTERN.fullmatch(value):
        raise click.BadParameter("not a domain")
    return value.lower() if value else None


@click.command()
@click.option("--send-to", metavar="ADDRESS", callback=_parse_address, help="Send a real test email there.")
@click.option(
    "--dkim-selector",
    "selectors",
    multiple=True,
    callback=_parse_selectors,
    help="s= of DKIM-Signature in a received email; may be repeated.",
)
@click.option(
    "--sending-ip",
    "sending_ips",
    multiple=True,
    callback=_parse_ips,
    help="Address that the relay sends from; may be repeated.",
)
@click.option("--return-path", metavar="DOMAIN", callback=_parse_domain, help="Where the relay replaces ours.")
@click.option("--copy", type=click.File("rb"), help="Source of an email of ours as it arrived; - for standard input.")
@json_option
@click.pass_context
def doctor(
    context: click.Context, send_to: str | None, selectors: Sequence[str], sending_ips: Sequence[str],
    return_path: str | None, copy: IO[bytes] | None, as_json: bool,
) -> None:  # fmt: skip
    """Check the set-up: what is wrong, why, and what to do next.

    Exits with 0 (all is well), 1 (warnings) or 2 (something is wrong).
    """
    source = copy.read(MAX_COPY_BYTES) if copy else None
    with ExitStack() as stack:
        try:
            app = stack.enter_context(context.find_object(AppProvider)())  # type: ignore[misc]
        except CommandError as error:
            findings = [settings.make_unusable(error.message)]
        else:
            options = runner.DoctorOptions(send_to, selectors, sending_ips, return_path, copy=source)
            stack.enter_context(app.app_context())
            stack.enter_context(force_locale("en"))
            findings = runner.run_checks(app, options)
    if as_json:
        click.echo(json.dumps(findings_to_json(findings), indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(format_finding(finding))
    sys.exit(LEVELS_BY_SEVERITY.index(find_worst(findings)))


def format_finding(finding: Finding) -> str:
    """Return a finding in lines of 80 columns; names that are longer stay whole."""
    margin = " " * (LEVEL_WIDTH + CHECK_WIDTH)
    level = click.style(finding.level.value.ljust(LEVEL_WIDTH), fg=COLOURS[finding.level], bold=True)
    lines = _wrap(finding.message(), "")
    if step := finding.next_step():
        lines += _wrap(step, "→ ")
    head = finding.check.ljust(CHECK_WIDTH)
    return "\n".join([f"{level}{head}{lines[0]}", *(f"{margin}{line}" for line in lines[1:])])


def _wrap(text: str, start: str) -> list[str]:
    width = COLUMNS - LEVEL_WIDTH - CHECK_WIDTH
    indent = " " * len(start)
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]
