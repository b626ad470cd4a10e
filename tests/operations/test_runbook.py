"""The packaged runbook is the part of the documents, and has every reason of the health status."""

import re
from pathlib import Path

from petition.operations import runbook
from petition.operations.health import evaluation

DOCS = Path(__file__).parents[2] / "docs"


def test_packaged_runbook_is_that_of_the_documents():
    document = (DOCS / "operations.md").read_text(encoding="utf-8")
    start, end = document.index("### PetitionDown"), document.index("### Renamed alerts and metrics")
    packaged = Path(runbook.__file__).with_name("runbook.md").read_text(encoding="utf-8")
    assert packaged == document[start:end], (
        "copy the part Alerts of docs/operations.md to petition/operations/runbook.md"
    )


def test_every_reason_and_alert_has_a_section():
    source = Path(evaluation.__file__).read_text(encoding="utf-8")
    alerts = re.findall(r"alert: (\w+)", (DOCS / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))
    named = {
        name for name in re.findall(r'"([A-Z][A-Za-z]+)"', source) if name not in ("OK", "WARNING", "CRITICAL")
    } - {"BrokerStats"}
    assert len(named) >= 8
    assert named | set(alerts) <= set(runbook.read_runbook())
    assert all(len(body) > 40 for body in runbook.read_runbook().values())
