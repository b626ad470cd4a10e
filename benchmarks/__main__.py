"""Run the benchmarks and write what they found to docs/performance: `make bench`, or `SCALE=full make bench`."""

import importlib
import json
import os
import platform
import sys
from pathlib import Path

import pygal
from harness import FULL, ROOT

CLAIMS = ("sign", "confirm", "page", "mail", "loop")
# claim: (what it is, against what, what it must reach, what it aims at)
BARE = "a bare Flask view: one INSERT, one COMMIT, one LPUSH"
GOALS = {
    "sign, form": ("`POST` of the form, requests/s", f"{BARE}, by the driver alone", 0.5, 0.75),
    "sign, form, Flask-SQLAlchemy": ("the same", f"{BARE}, by Flask-SQLAlchemy", 0.5, 0.75),
    "sign, json": ("`POST` of JSON, requests/s", f"{BARE}, by the driver alone", 0.5, 0.75),
    "sign, json, Flask-SQLAlchemy": ("the same", f"{BARE}, by Flask-SQLAlchemy", 0.5, 0.75),
    "confirm": ("confirmations on one petition, requests/s", f"{BARE}, by the driver alone", 0.6, 0.9),
    "page": ("the petition's page, requests/s", "a bare Flask view that returns the same bytes", 0.5, 0.9),
    "mail": ("confirmation emails/s of one worker", "smtplib on one kept connection", 0.6, 0.9),
    "loop": ("whole loops/s, everything on this machine", "33/s, the peak of the UK's largest petition", 3.0, 10.0),
}
FOLDER = ROOT / "docs" / "performance"


def number(value: float | None) -> str:
    """Write a figure with three digits that matter."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def row(name: str, found: dict) -> str:
    """Return a claim's line of the table."""
    what, against, must, aim = GOALS[name]
    ours = found.get("ours", found)
    rate, reference = ours["rate"], found.get("reference", {}).get("rate")
    spread = ""
    if isinstance(rate, dict):
        rate, spread = rate["median"], f" ({number(rate['least'])}–{number(rate['most'])})"
    waits = " / ".join(number(1000 * ours[share]) for share in ("p50", "p95", "p99") if share in ours)
    reach = "yes" if found["ratio"] >= must else "**no**"
    middle = number(reference["median"]) if reference else ""
    cells = (
        name,
        what,
        f"{number(rate)}{spread}",
        waits,
        against,
        middle,
        f"**{found['ratio']:.2f}**",
        must,
        aim,
        reach,
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def plot(results: dict) -> None:
    """Draw how near each claim is to what it must reach."""
    chart = pygal.HorizontalBar(
        title="Ratio to what must be reached", show_legend=False, print_values=True, height=400, js=[],
        formatter=lambda value: f"{value:.2f}",
    )  # fmt: skip
    names = sorted(results, key=lambda name: results[name]["ratio"] / GOALS[name][2], reverse=True)
    chart.x_labels = names
    chart.add("reached", [results[name]["ratio"] / GOALS[name][2] for name in names])
    chart.render_to_file(str(FOLDER / "ratios.svg"))


def write(results: dict) -> None:
    """Write the figures as JSON, as a table with the worst first, and as a plot."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "scale": "full" if FULL else "quick"}
    (FOLDER / "results.json").write_text(json.dumps({"machine": machine, "claims": results}, indent=1) + "\n")
    names = sorted(results, key=lambda name: results[name]["ratio"] / GOALS[name][2])
    head = "| claim | what | rate (spread) | p50 / p95 / p99 ms | reference | its rate | ratio | must | aim | reached |"
    lines = [head, "|" + " --- |" * 10, *(row(name, results[name]) for name in names)]
    (FOLDER / "table.md").write_text("\n".join(lines) + "\n")
    plot(results)
    print("\n".join(lines))


def main() -> None:
    """Run the claims that are named, or all."""
    results = {}
    for name in sys.argv[1:] or CLAIMS:
        print(f"{name} …", file=sys.stderr, flush=True)
        results |= importlib.import_module(name).measure()
    write(results)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
