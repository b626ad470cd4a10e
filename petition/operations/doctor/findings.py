"""What a check finds: ok, warning or wrong, why, and the exact next step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


LEVELS_BY_SEVERITY = tuple(Level)  # the index is the exit code of `petition doctor`


@dataclass(frozen=True)
class Finding:
    """One point: which check, how bad, why, and the next step ("" where there is none).

    Texts are translated where they are displayed. They contain no secret and no email address.
    """

    check: str
    level: Level
    text: str
    advice: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def message(self, translate: Callable[[str], str] = str) -> str:
        """Return why, translated."""
        return translate(self.text) % self.values

    def next_step(self, translate: Callable[[str], str] = str) -> str:
        """Return what to do, translated; "" where there is nothing to do."""
        return translate(self.advice) % self.values if self.advice else ""


def ok(check: str, text: str, **values: Any) -> Finding:
    """Return a finding of what is as it should be."""
    return Finding(check, Level.OK, text, "", values)


def warning(check: str, text: str, advice: str, **values: Any) -> Finding:
    """Return a finding of what works, and will cost something."""
    return Finding(check, Level.WARNING, text, advice, values)


def wrong(check: str, text: str, advice: str, **values: Any) -> Finding:
    """Return a finding of what does not work."""
    return Finding(check, Level.WRONG, text, advice, values)


def sort_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Return the worst first, else in the order given: the first line names the cause."""
    return sorted(findings, key=lambda finding: -LEVELS_BY_SEVERITY.index(finding.level))


def find_worst(findings: Sequence[Finding]) -> Level:
    """Return the level of the worst finding."""
    return max((finding.level for finding in findings), key=LEVELS_BY_SEVERITY.index, default=Level.OK)


def findings_to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as JSON's types, in English."""
    return {
        "status": find_worst(findings).value,
        "findings": [
            {"check": each.check, "level": each.level.value, "message": each.message(), "next_step": each.next_step()}
            for each in findings
        ],
    }
