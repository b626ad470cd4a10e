"""Compare two texts word by word, with some context around each change."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum


class SegmentKind(StrEnum):
    """What happened to a segment of a text."""

    UNCHANGED = "unchanged"
    DELETED = "deleted"
    INSERTED = "inserted"
    OMITTED = "omitted"


CONTEXT_WORDS = 8  # shown before and after a change
MAX_COMPARED_WORDS = 2_000  # longer texts are compared by lines, and beyond as many lines not at all


@dataclass(frozen=True)
class DiffSegment:
    """Some words, and whether they are in both texts, only in the old one, or only in the new one."""

    kind: SegmentKind
    text: str


def diff_texts(before: str, after: str) -> list[DiffSegment]:
    """Return both texts as one list of segments; long unchanged parts are omitted."""
    by_lines = max(before.count(" "), after.count(" ")) > MAX_COMPARED_WORDS
    pattern = r"[^\n]*\n|[^\n]+" if by_lines else r"\s+|\S+"
    old, new = re.findall(pattern, before), re.findall(pattern, after)
    if max(len(old), len(new)) > 2 * MAX_COMPARED_WORDS + 1:
        return [DiffSegment(SegmentKind.DELETED, before), DiffSegment(SegmentKind.INSERTED, after)]
    around = 1 if by_lines else 2 * CONTEXT_WORDS
    found: list[DiffSegment] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    opcodes = matcher.get_opcodes()
    for number, (tag, i, j, k, m) in enumerate(opcodes):
        if tag == "equal":
            found += _abbreviate_unchanged(old[i:j], around, number == 0, number == len(opcodes) - 1)
            continue
        if j > i:
            found.append(DiffSegment(SegmentKind.DELETED, "".join(old[i:j])))
        if m > k:
            found.append(DiffSegment(SegmentKind.INSERTED, "".join(new[k:m])))
    return found


def _abbreviate_unchanged(same: list[str], around: int, first: bool, last: bool) -> Iterator[DiffSegment]:
    head, tail = (0 if first else around), (0 if last else around)
    if len(same) <= head + tail + around:
        yield DiffSegment(SegmentKind.UNCHANGED, "".join(same))
        return
    if head:
        yield DiffSegment(SegmentKind.UNCHANGED, "".join(same[:head]))
    yield DiffSegment(SegmentKind.OMITTED, "")
    if tail:
        yield DiffSegment(SegmentKind.UNCHANGED, "".join(same[-tail:]))
