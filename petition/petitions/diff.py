"""What differs between two texts, word by word, with a little of what is around it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

SAME: Final = "same"
GONE: Final = "gone"
NEW: Final = "new"
LEFT_OUT: Final = "left out"
AROUND = 8  # words kept before and after a change
LONGEST = 2_000  # words compared one by one; beyond, whole lines are, and beyond as many lines nothing is


@dataclass(frozen=True)
class Piece:
    """Some words, and whether they are in both texts, only in the old one, or only in the new one."""

    kind: str
    words: str


def pieces(before: str, after: str) -> list[Piece]:
    """Return both texts as one, in pieces; long stretches that did not change are left out."""
    by_lines = max(before.count(" "), after.count(" ")) > LONGEST
    pattern = r"[^\n]*\n|[^\n]+" if by_lines else r"\s+|\S+"
    old, new = re.findall(pattern, before), re.findall(pattern, after)
    if max(len(old), len(new)) > 2 * LONGEST + 1:
        return [Piece(GONE, before), Piece(NEW, after)]
    around = 1 if by_lines else 2 * AROUND
    found: list[Piece] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    opcodes = matcher.get_opcodes()
    for number, (tag, i, j, k, m) in enumerate(opcodes):
        if tag == "equal":
            found += _shortened(old[i:j], around, number == 0, number == len(opcodes) - 1)
            continue
        if j > i:
            found.append(Piece(GONE, "".join(old[i:j])))
        if m > k:
            found.append(Piece(NEW, "".join(new[k:m])))
    return found


def _shortened(same: list[str], around: int, first: bool, last: bool) -> Iterator[Piece]:
    head, tail = (0 if first else around), (0 if last else around)
    if len(same) <= head + tail + around:
        yield Piece(SAME, "".join(same))
        return
    if head:
        yield Piece(SAME, "".join(same[:head]))
    yield Piece(LEFT_OUT, "")
    if tail:
        yield Piece(SAME, "".join(same[-tail:]))
