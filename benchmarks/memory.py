"""The memory of a web process and of a worker, after many requests or emails and after a thousand."""

import itertools

from harness import FULL, SLUG, load, measure_memory, print_json, system
from mail import wait_until_sent

MANY = 100_000 if FULL else 5_000
FEW = 1_000
runs = itertools.count(1)


def requests(web: str, wanted: int) -> None:
    """Sign and read until so many requests were answered."""
    done = 0
    while done < wanted:
        done += load(web, "sign", f"/p/{SLUG}/sign", "form", next(runs), 303, seconds=2)["requests"]
        done += load(web, "get", f"/p/{SLUG}", 0, seconds=1)["requests"]


def emails(it, wanted: int) -> None:
    """Have so many confirmations sent."""
    it.insert_signatures(wanted, "pending", f"m{next(runs)}x", link="due")
    wait_until_sent(it, 60 + wanted / 100)


def measure() -> dict:
    """Return the memory before and after, in megabytes of their own."""
    found = {}
    with system() as it:
        web = it.serve("web", "wsgi:app", "--workers", "1")  # each process takes what comes, and not its share
        requests(web, FEW)
        before = measure_memory(it.process_tree("web"))
        requests(web, MANY)
        found["memory, web"] = growth_ratio(before, measure_memory(it.process_tree("web")))
        it.database.execute("DELETE FROM sign_requests")
        it.worker("confirmations")
        it.beat()
        emails(it, FEW)
        before = measure_memory(it.process_tree("worker"))
        emails(it, MANY)
        found["memory, worker"] = growth_ratio(before, measure_memory(it.process_tree("worker")))
    return found


def growth_ratio(before: float, after: float) -> dict:
    """Return both and their ratio."""
    return {"before": before, "after": after, "ratio": after / before}


if __name__ == "__main__":
    print_json(measure())
