"""The code, pages and documents use the field's standard terms, not the private ones that they once had."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".py", ".md", ".html", ".txt", ".css", ".js", ".po", ".sql", ".toml", ".yaml", ".yml", ".conf", ".service"}
PATHS = (
    "petition",
    "docs",
    "deploy",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "worker.py",
    "wsgi.py",
    "config.py",
    "SECURITY.md",
    "compose.yaml",
    "benchmarks",
    "tests/support",
)

# The renames themselves, and the letter of a real campaign.
EXCLUDED = {
    "petition/migrations/sql/0012_to_0013.sql",
    "petition/migrations/versions/0023_pace.py",
    "petition/migrations/versions/0045_webhooks.py",
    "petition/migrations/versions/0053_back_offs.py",
    "docs/decisions/0030-one-initial-schema.md",
    "petition/demo/internet-en-prison.md",
}

# Each retired term with what to say instead. Patterns are case-insensitive and match whole words; `_` ends a word here.
RETIRED = {
    r"doorbells?": "wakeup",
    r"rung|rang": "woken",
    r"ring(s|ing)? (a|the|its|for|one|worker|lane|once)": "wake",
    r"shelf|shelves": "cache",
    r"(?<!/ops/)lanes?": "queue",
    r"ow(e|es|ed|ing)": "enqueue, deliver to",
    r"anew": "again, new",
    r"upkeep": "maintenance, retention",
    r"set back": "move the clock back",
    r"in hand": "claimed",
    r"giv(e|es|en|ing) way": "yield",
    r"(leave|leaves|leaving) room": "throttle, yield",
    r"wayward": "misbehaving",
    r"verdicts?": "health, result",
    r"tall(y|ies)": "counter, rollup",
    r"figures": "statistics, counts",
    r"mend(s|ed|ing)?": "repair, correct",
    r"crews?": "process group",
    r"rehears(e|es|ed|al|als|ing)": "test email, preflight",
    r"typeset\w*": "render",
    r"refusals?": "error, rejection",
    r"nonsense": "ValidationError, invalid input",
    r"by[ _]hand": "staff action, manually",
    r"left alone|leave alone|leaves alone": "skip, back off",
    r"(is|are|was|were|be|been|as|unless) told": "notified, named, reported",
    r"fro(ze|zen)": "materialised",
    r"(un)?freez(e|es|ing)": "materialise",
    r"(may|can) come in": "may sign in, is allowed",
    r"what many read": "cached data",
    r"how a verb": "domain exceptions",
    r"shut(s|ting)? out": "disable",
    r"let(s|ting)? in": "enable",
    r"judg(e|es|ed|ing)": "evaluate",
    r"wakers?|ringers?": "wakeup",
    r"pulse": "heartbeat",
    r"patience": "timeout",
    r"(funnel|state|role|kind|error)_words": "labels, messages",
    r"sound (address|settings?|url|name)s?": "valid",
    r"dress": "style",
    r"rests?_until|resting|(first|max)(_unclear)?_rests?": "back off, backoff_until",
    r"rests (for|alone|until)|(provider|relay|server|endpoint)(s? rests?|'s rest)": "back off",
    r"in (its|their) words": "response",
    r"(provider|server)'s (last )?words": "response",
    r"[a-z_]+_kept_for|(events|alerts|hours|months|detail|secret)_kept|kept_(for|after_end)": "retention",
    r"mistakes? told": "errors printed",
    r"notices(?! (that|within))": "notifications",
}
# The list of renames in the changelog.
RENAMES = re.compile(r"^- Settings: `PETITION_FRESH`.*?(?=^- The cache of each process)", re.M | re.S)
# Ordinary English, code of libraries and stored names. Matches of these are ignored.
ALLOWED = (
    r"gc\.freeze\(\)|sheet\.freeze_panes|pip freeze|frozenset|frozen=True|@dataclass\(frozen",
    r"(/ops|\")/lanes/|=\"lanes/|/figures(?=[/.\"`])",  # URLs of the public contract
    r"(clock|worker|web|beat|PostgreSQL|Redis) (set back|frozen)",  # faults that are simulated
    r"\| `petition_(lane_paused|verdict_state)` \||\| label `lane` \|",  # the table of renamed metrics
    r"in hand-",
)
# Names of exceptions that were replaced, as classes or in docstrings.
RETIRED_NAMES = (
    "Refusal",
    "Gone",
    "Nonsense",
    "Mistake",
    "Outdated",
    "NotOurs",
    "InHand",
    "Pulse",
    "Ticking",
    "Settled",
)


@cache
def texts():
    """Return (path, text) of every file that is checked, without what is allowed."""
    allowed, found = re.compile("|".join(ALLOWED)), []
    for name in PATHS:
        root = ROOT / name
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            # Catalogues are in other languages, where a retired word may be a word; their English is in the code.
            if "translations" in path.parts:
                continue
            if path.suffix in SUFFIXES and path.is_file() and str(path.relative_to(ROOT)) not in EXCLUDED:
                text = RENAMES.sub("", path.read_text(encoding="utf-8"))
                found.append((path.relative_to(ROOT), allowed.sub("", text)))
    return found


def find(pattern, flags=0):
    """Return where a pattern occurs, outside of what is allowed."""
    # An underscore separates words: `is_frozen` is found too.
    word = re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", flags)
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        if word.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(line)
    ]


@pytest.mark.parametrize("pattern", RETIRED)
def test_retired_term_is_not_used(pattern):
    found = find(pattern, re.IGNORECASE)
    assert not found, f"say {RETIRED[pattern]}:\n" + "\n".join(found)


@pytest.mark.parametrize("name", RETIRED_NAMES)
def test_retired_name_is_not_used(name):
    assert find(name) == []


def test_retired_term_would_be_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    for line, is_found in (
        ("the doorbell that is_frozen and a lane, but /ops/lanes/ and frozen=True are fine", True),
        ("url('/ops/lanes/') @dataclass(frozen=True) the bell", False),
    ):
        (tmp_path / "docs" / "x.md").write_text(line)
        monkeypatch.setitem(globals(), "texts", texts.__wrapped__)
        for pattern in ("doorbells?", "fro(ze|zen)", r"(?<!/ops/)lanes?"):
            assert bool(find(pattern)) == is_found
        monkeypatch.undo()
        monkeypatch.setitem(globals(), "ROOT", tmp_path)
