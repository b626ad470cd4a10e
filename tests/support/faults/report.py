"""The measurements of each fault: printed at the end and, in the full form, written to the documentation."""

import json

from support.settings import ROOT

RESULTS_FILE = ROOT / "docs/performance/faults.json"
DOCUMENT = ROOT / "docs/faults.md"
TABLE_MARKER = "<!-- table of faults -->\n"
COLUMNS = {
    "fault": "fault", "accepted": "accepted", "confirmed": "confirmed", "mails": "emails", "duplicates": "again",
    "unanswered": "no answer", "slowest": "slowest answer, s",
    "reported": "reported after, s", "recovered": "first loop after, s", "settled": "all mailed after, s",
    "well": "green after, s",
}  # fmt: skip


class FaultReport:
    """One line for each fault; `keep`: replace its line in the documentation."""

    def __init__(self, keep):
        self.keep, self.lines = keep, []

    def add(self, name, model, recovered, settled, note="", reported=None, well=None):
        """Add the measurements of a fault, with a note; `reported`: seconds by place, of which the slowest is shown."""
        slowest_place = max((seconds for seconds in (reported or {}).values() if seconds is not None), default=None)
        line = {
            "fault": name, "accepted": len(model.accepted), "confirmed": len(model.confirmed),
            "mails": sum(len(ids) for ids in model.mails.values()), "duplicates": model.count_repeated_emails(),
            "unanswered": sum(model.failed_requests.values()), "slowest": round(model.slowest, 1),
            "reported": "–" if slowest_place is None else round(slowest_place, 1), "recovered": round(recovered, 1),
            "settled": round(settled, 1), "well": "–" if well is None else round(well, 1), "note": note,
        }  # fmt: skip
        self.lines.append(line)
        print(line, reported, dict(model.failed_requests))

    def write(self):
        """Print the measurements as a table and, with `keep`, write them to the documentation."""
        print("", *_table(self.lines), sep="\n")
        if self.keep and self.lines:
            results = {
                line["fault"]: line for line in (json.loads(RESULTS_FILE.read_text()) if RESULTS_FILE.exists() else [])
            }
            results |= {line["fault"]: line for line in self.lines}
            RESULTS_FILE.parent.mkdir(exist_ok=True)
            RESULTS_FILE.write_text(json.dumps(list(results.values()), indent=1) + "\n")
            head = DOCUMENT.read_text().partition(TABLE_MARKER)[0]
            DOCUMENT.write_text("\n".join([head + TABLE_MARKER, *_table(results.values()), ""]))


def _table(lines):
    rows = [COLUMNS, *({**line, "fault": line["fault"] + line.get("note", "")} for line in sorted(lines, key=_settled))]
    table = [f"| {' | '.join(str(row.get(name, '–')) for name in COLUMNS)} |" for row in rows]
    return [table[0], f"|{' --- |' * len(COLUMNS)}", *table[1:]]


def _settled(line):
    return -line["settled"]
