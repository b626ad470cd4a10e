"""The tree speaks standard terms: the words that were retired do not come back (docs/architecture.md has the glossary)."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
RETIRED = re.compile(
    r"\b(shel(f|ves)|doorbells?|lanes?|ow(e|es|ed)|anew|rung|wayward|upkeep|verdicts?|tall(y|ies)|mend(s|ed|ing)?|typeset"
    r"|rehears\w+|crews?|refusals?|wordless|set back|in hand|leaves? room|gives? way|by hand|left alone|put(s|ting)? off"
    r"|figures)\b|\b(Refusal|Mistake|Nonsense|Outdated|NotOurs|Sheet|Gaps|Letter|Lane|Hold|Pulse|Crew)\b\(",
    re.IGNORECASE,
)
CHECKED = ("petition", "docs", "README.md", "CONTRIBUTING.md", "worker.py", "wsgi.py", "config.py")
SUFFIXES = {".py", ".html", ".txt", ".md", ".sql", ".yaml", ".css", ".js", ".po"}
# Where a retired word is the name of something outside, or the subject itself.
ALLOWED = (
    "petition/migrations/sql/0012_to_0013.sql",  # renames from the old names
    "docs/decisions/0030-one-initial-schema.md",  # says which values were renamed
)
ALLOWED_LINES = (
    re.compile(r"/(ops/)?lanes/"),  # the URL is kept
    re.compile(r"label `lane`"),  # the table of old metric names
    re.compile(r"A refusal is reported by the step"),
)


def test_no_retired_word_comes_back():
    listed = subprocess.run(
        ["git", "ls-files", *CHECKED], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    found = []
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix not in SUFFIXES or name in ALLOWED or not path.exists():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if RETIRED.search(line) and not any(allowed.search(line) for allowed in ALLOWED_LINES):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    assert found == []
