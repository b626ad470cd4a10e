"""Run the benchmarks and write the results to docs/performance: `make bench`, or `SCALE=full make bench`."""

import importlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from charts import draw
from harness import FULL, ROOT

CLAIMS = ("sign", "confirm", "page", "mail", "sign_to_confirm", "mailing", "latency", "memory", "growth")
BARE_FLASK = "a bare Flask view: one INSERT, one COMMIT, one LPUSH; by the driver alone"
FLASK_SQLALCHEMY = "the same by Flask-SQLAlchemy, as this application is built"
SMTPLIB = "smtplib, one kept connection"
SMALLER = "the same with 5,000 signatures"
WRITTEN = "the same with 5,000 signatures and those that are made for it"
# claim: (what is counted, against what, what must be reached, what is aimed at). Ratios, but for those `AT_MOST`.
TARGETS = {
    "sign, form": ("requests/s", BARE_FLASK, 0.5, 0.75),
    "sign, form, Flask-SQLAlchemy": ("requests/s", FLASK_SQLALCHEMY, 0.5, 0.75),
    "sign, json": ("requests/s", BARE_FLASK, 0.5, 0.75),
    "sign, json, Flask-SQLAlchemy": ("requests/s", FLASK_SQLALCHEMY, 0.5, 0.75),
    "confirm": ("requests/s", BARE_FLASK, 0.6, 0.9),
    "confirm, Flask-SQLAlchemy": ("requests/s", FLASK_SQLALCHEMY, 0.6, 0.9),
    "page": ("requests/s", "a bare Flask view that returns the same bytes", 0.5, 0.9),
    "mail": ("emails/s of one worker", SMTPLIB, 0.6, 0.9),
    "sign to confirm": ("whole loops/s", "a bare loop of the same four steps", 0.3, 0.5),
    "mailing, audience": ("rows/s", "one INSERT … SELECT", 0.5, 0.8),
    "mailing, emails": ("emails/s of one worker", SMTPLIB, 0.6, 0.9),
    "mailing, memory": ("MB more of the worker", "after 1,000 emails", 50, 10),
    "latency": ("s, p95 under a mailing", "idle", 1.5, 1.1),
    "memory, web": ("MB after many requests", "after 1,000", 1.1, 1.02),
    "memory, worker": ("MB after many emails", "after 1,000", 1.1, 1.02),
    **{f"growth, {name}": ("a second", WRITTEN, 0.9, 1.0) for name in ("sign", "confirm")},
    **{f"growth, {name}": ("a second", SMALLER, 0.9, 1.0) for name in
       ("page", "count", "list", "list, far down", "desk", "ops")},
}  # fmt: skip
UPPER_BOUNDS = {"mailing, memory", "latency", "memory, web", "memory, worker"}
FOLDER = ROOT / "docs" / "performance"


def number(value: float | None) -> str:
    """Format a number with three significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def progress(name: str, found: dict) -> float:
    """Return how far a claim is on the way to its target: 1 is reached."""
    must = TARGETS[name][2]
    return must / max(found["ratio"], 1e-9) if name in UPPER_BOUNDS else found["ratio"] / must


def cells(found: dict) -> tuple[str, str, str]:
    """Return a claim's value with its spread, its percentiles, and its reference's value."""
    ours, reference = found.get("ours", found), found.get("reference")
    percentiles = " / ".join(number(1000 * ours[share]) for share in ("p50", "p95", "p99") if share in ours)
    if "after" in found:
        return number(found["after"]), percentiles, number(found["before"])
    return spread(**ours["rate"]), percentiles, spread(**reference["rate"]) if reference else ""


def spread(median: float, least: float, most: float) -> str:
    """Format a median with the least and the most."""
    return f"{number(median)} ({number(least)}–{number(most)})"


def row(name: str, found: dict) -> str:
    """Return a claim's line of the table."""
    what, against, must, aim = TARGETS[name]
    figure, waits, reference = cells(found)
    goal = f"≤ {must}" if name in UPPER_BOUNDS else str(must)
    claim = f"{name} ({found['scale']})"
    pairs = found.get("ratios", [])
    ratio = f"**{number(found['ratio'])}**" + (f" ({number(min(pairs))}–{number(max(pairs))})" if pairs else "")
    line = (claim, f"{figure} {what}", waits, f"{reference} {against}".strip(), ratio, goal, aim,
            "yes" if progress(name, found) >= 1 else "**no**")  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in line) + " |"


def write(results: dict) -> list[str]:
    """Write the results as JSON, as a table with the worst first, and as plots; returns the table's lines."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    days = sorted({found["on"] for found in results.values()})
    about = {"on": " to ".join(dict.fromkeys((days[0], days[-1]))), "cores": os.cpu_count(),
             "python": platform.python_version()}  # fmt: skip
    (FOLDER / "results.json").write_text(json.dumps({"about": about, "claims": results}, indent=1) + "\n")
    names = sorted(results, key=lambda name: progress(name, results[name]))
    head = (
        "| claim | measured (least–most) | p50 / p95 / p99, ms | reference | ratio (of pairs) | must | aim | reached |"
    )
    lines = [head, "|" + " --- |" * 8, *(row(name, results[name]) for name in names)]
    summary = ", ".join(f"{name} {value}" for name, value in about.items())
    (FOLDER / "table.md").write_text("\n".join([f"`{summary}`", "", *lines]) + "\n")
    draw(results, progress, FOLDER)
    return lines


def main() -> None:
    """Run the claims that are named, or all; earlier results of the others stay."""
    results, named, lines = {}, sys.argv[1:], []
    if named and (FOLDER / "results.json").exists():
        earlier = json.loads((FOLDER / "results.json").read_text())["claims"]
        results = {claim: each for claim, each in earlier.items() if claim in TARGETS}
    for name in named or CLAIMS:
        started = time.monotonic()
        found = importlib.import_module(name).measure()
        about = {"scale": "full" if FULL else "quick", "on": f"{datetime.now(UTC):%Y-%m-%d}"}
        results |= {claim: {**each, **about} for claim, each in found.items()}
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        lines = write(results)  # each as it comes: what follows may fail
    print("\n".join(lines))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
