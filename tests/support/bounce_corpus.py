"""The corpus of replies and reports under `tests/delivery/corpus/`, each with what it means.

Replies are lines of JSON: class, whether the mailbox is gone, text. Bounces are templates of mail systems, filled with
replies; automatic answers and complaints are headers and a body. All are written from what the providers publish, with
addresses of ours.
"""

import json
from collections import Counter
from pathlib import Path

from petition.delivery.bounces.parser import parse_report
from petition.delivery.replies.classifier import ABOUT_US, STATUS_PATTERN, classify

STEP = 13  # each template is filled with every so many-th reply
CORPUS = Path(__file__).parents[1] / "delivery" / "corpus"


def read_lines(name):
    """Return the values of a file with one JSON value a line."""
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def read_replies():
    """Return (expected, found, text) for each reply; what is expected ends in "+" where the mailbox is gone."""
    for expected, gone, text in read_lines("replies.jsonl"):
        found = classify(text)
        yield expected + "+" * gone, found.reply_class + "+" * found.gone, text


def kind_of(reply_class, gone):
    """Return the kind of a failed delivery with this reply."""
    return "permanent" if gone else "policy" if reply_class in ABOUT_US else "soft"


def read_reports():
    """Return (expected kind, found kind, name) for each report: bounces, delays, complaints, automatic answers."""
    replies = [reply for reply in read_lines("replies.jsonl") if reply[2][0] in "45" and len(reply[2]) > 20]
    for name, template in sorted(json.loads((CORPUS / "bounces.json").read_text(encoding="utf-8")).items()):
        for reply_class, gone, text in replies[::STEP]:
            expected = template.get("kind") or kind_of(reply_class, gone)
            status = STATUS_PATTERN.search(text)
            lines = "\r\n".join(template["lines"]).replace("{reply}", text)
            raw = lines.replace("{status}", status[0] if status else f"{text[0]}.0.0").encode()
            yield expected, parse_report(raw).kind, f"{name}: {text}"
    for expected, name, lines in read_lines("reports.jsonl"):
        yield expected, parse_report("\r\n".join(lines).encode()).kind, name


def make_confusion_table(pairs):
    """Return a Markdown table: a row for each expected class, with how many were found as what."""
    counts = Counter(pairs)
    names = sorted({name for pair in counts for name in pair})
    head = ["expected", "n", "right", "taken for"]
    rows = []
    for name in names:
        row = {found: n for (expected, found), n in counts.items() if expected == name}
        others = ", ".join(f"{found} {n}" for found, n in sorted(row.items()) if found != name)
        if row:
            rows.append([name.replace("+", ", gone"), str(sum(row.values())), str(row.get(name, 0)), others or "-"])
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write_tables(path):
    """Write the confusion tables into a document, between its markers."""
    text = path.read_text(encoding="utf-8")
    path.write_text(replace_tables(text), encoding="utf-8")


def replace_tables(text):
    """Return a document with the confusion tables as they are now."""
    tables = {
        "replies": make_confusion_table((expected, found) for expected, found, _ in read_replies()),
        "reports": make_confusion_table((expected, found) for expected, found, _ in read_reports()),
    }
    for name, table in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        text = before + start + table + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    write_tables(Path(__file__).parents[2] / "docs" / "replies.md")
