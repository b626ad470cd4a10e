"""From what things cost once to what millions of them need: plain arithmetic, written as tables."""

import math
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

TARGET_UTILISATION = 0.6  # share of a core, or of a process, that is planned with
PAGE_VIEWS_PER_SIGNATURE = 3  # of the petition's page for each signature, when no cache stands in front
THREADS = {"web": 3, "workers": 4}
SMTP_REPLY_SECONDS = 0.1  # seconds that a mail server far away may take for an email
PARTS = {"web": "web", "workers": "workers", "postgres": "PostgreSQL", "redis": "Redis"}
STEPS = {
    "page": "the petition's page is shown",
    "sign": "somebody signs and is mailed the link, at 33/s",
    "rush": "the same, as fast as it goes",
    "confirm": "the link is opened, confirmed, and the personal page shown",
    "mailing": "one recipient of a mailing, from materialising its audience to the last outcome",
    "nothing": "a second in which nothing happens",
}
NAMES = ("wal", "syncs", "commits", "disk", "memory")
SIGNATURE = {"sign": 1, "confirm": 1}
VISITED = {"page": PAGE_VIEWS_PER_SIGNATURE, **SIGNATURE}
RUSH = {"page": PAGE_VIEWS_PER_SIGNATURE, "rush": 1, "confirm": 1}


@dataclass(frozen=True)
class ResourceUsage:
    """What was used so far, or for one time of something: milliseconds of processors, bytes, numbers of."""

    cpu: dict[str, float]
    wal: float
    syncs: float
    commits: float
    disk: float
    memory: float

    def since(self, before: "ResourceUsage", times: float) -> "ResourceUsage":
        """Return what was used since then, for each of so many times."""
        cpu = {part: (used - before.cpu[part]) / times for part, used in self.cpu.items()}
        return ResourceUsage(cpu, *((getattr(self, name) - getattr(before, name)) / times for name in NAMES))


@dataclass(frozen=True)
class Plan:
    """So many of something, at so many a second, of the steps that it takes."""

    title: str
    number: int
    rate: float
    steps: dict[str, int]


PLANS = (
    Plan("6 million signatures at 33/s, pages from a cache", 6_000_000, 33, SIGNATURE),
    Plan("the same without a cache", 6_000_000, 33, VISITED),
    Plan("a minute of it at 100/s, without a cache", 6_000, 100, RUSH),
    Plan("10 million emails in 8 hours", 10_000_000, 10_000_000 / (8 * 3600), {"mailing": 1}),
)


def describe_machine() -> str:
    """Say when and on what this was measured."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    day, python = f"{datetime.now(UTC):%d %B %Y}", platform.python_version()
    return f"Measured on {day} on {os.cpu_count()} cores ({models[0]}), Python {python}."


def cost_table(found: dict[str, ResourceUsage]) -> str:
    """Return the table of what each step costs once."""
    head = (
        "what happens once",
        *(f"{name}, ms" for name in PARTS.values()),
        "commits",
        "syncs",
        "WAL, bytes",
        "disk, bytes",
    )
    lines = [
        (
            words, *(f"{found[step].cpu[part]:.2f}" for part in PARTS), f"{max(found[step].commits, 0):.2f}",
            f"{found[step].syncs:.2f}", f"{found[step].wal:,.0f}", f"{found[step].disk:,.0f}",
        )
        for step, words in STEPS.items()
    ]  # fmt: skip
    return _table(head, lines)


def capacity_table(found: dict[str, ResourceUsage]) -> str:
    """Return the table of what each plan needs."""
    columns = [_needs(found, plan) for plan in PLANS]
    lines = [(name, *(column[name] for column in columns)) for name in columns[0]]
    return _table(("", *(plan.title for plan in PLANS)), lines)


def _needs(found: dict[str, ResourceUsage], plan: Plan) -> dict[str, str]:
    once = {name: sum(n * getattr(found[step], name) for step, n in plan.steps.items()) for name in NAMES}
    cores = {
        part: plan.rate * sum(n * found[step].cpu[part] for step, n in plan.steps.items()) / 1000 for part in PARTS
    }
    processes = {part: max(1, math.ceil(cores[part] / TARGET_UTILISATION)) for part in THREADS}
    emails = plan.rate * sum(plan.steps.get(step, 0) for step in ("sign", "rush", "mailing"))
    workers = max(processes["workers"], math.ceil(emails * SMTP_REPLY_SECONDS / THREADS["workers"]))
    hour = min(plan.number, plan.rate * 3600)
    connections = processes["web"] * (THREADS["web"] + 1) + workers * (THREADS["workers"] + 1)
    return {
        "a second": f"{plan.rate:,.0f}",
        **{f"{words}, cores busy": f"{cores[part]:.2f}" for part, words in PARTS.items()},
        f"cores in all, {TARGET_UTILISATION:.0%} busy": str(math.ceil(sum(cores.values()) / TARGET_UTILISATION)),
        f"web processes of {THREADS['web']} threads": str(processes["web"]),
        f"worker processes of {THREADS['workers']} threads": f"{processes['workers']}; {workers} where an email "
        f"takes {SMTP_REPLY_SECONDS:g} s",
        "database connections": str(connections),
        "commits a second": f"{plan.rate * once['commits']:,.0f}",
        "syncs of the log a second": f"{plan.rate * once['syncs']:,.0f}",
        "WAL, MB a second": f"{plan.rate * once['wal'] / 1e6:.2f}",
        "WAL in all, GB": f"{plan.number * once['wal'] / 1e9:,.1f}",
        "the database grows by, GB": f"{plan.number * once['disk'] / 1e9:,.1f}",
        "Redis, MB (limits are kept for an hour)": f"{hour * max(0.0, once['memory']) / 1e6:,.0f}",
        "takes": _time(plan.number / plan.rate),
    }


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 3600 else f"{seconds:.0f} s"


def _table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    rows = [head, ("---", *["---:"] * (len(head) - 1)), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
