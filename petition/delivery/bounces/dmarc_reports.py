"""DMARC aggregate reports (RFC 7489, 7.2): read within bounds, and summed by day and by the server that sent.

Anybody can send one, so nothing is concluded from it; it is counted if it is about our own domain. Read by expat with
declarations refused, not by parsedmarc: docs/decisions/0043.
"""

import io
import ipaddress
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from xml.parsers import expat

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import DmarcReport, DmarcSource
from petition.delivery.composers import sender_address

MAX_XML_BYTES = 10 * 1024 * 1024  # of a report, unpacked
MAX_RECORDS = 10_000
MAX_DEPTH, MAX_TEXT_CHARACTERS = 20, 500
MAX_PARTS = 20
RETENTION = timedelta(days=90)
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"


class NotAReport(ValueError):
    """What is not a DMARC aggregate report, or beyond the bounds of one."""


@dataclass
class AggregateReport:
    """A report: emails that claim to be from `domain`, by the address that sent them and whether they aligned."""

    organisation: str = ""
    report_id: str = ""
    domain: str = ""
    begins_at: datetime | None = None
    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)


def find_report(parts: list[Message]) -> AggregateReport | None:
    """Return the aggregate report attached to a message, None without one. Bounded; never raises."""
    for part in parts[:MAX_PARTS]:
        name = str(part.get_filename() or "").lower()
        kind = part.get_content_type()
        if not (name.endswith((".xml", ".xml.gz", ".gz", ".zip")) or "zip" in kind or kind.endswith("/xml")):
            continue
        content = part.get_payload(decode=True)
        try:
            return parse_report(unpack(content)) if isinstance(content, bytes) else None
        except (NotAReport, zipfile.BadZipFile, zlib.error, expat.ExpatError, OSError, ValueError, RuntimeError):
            continue
    return None


def unpack(content: bytes) -> bytes:
    """Return the XML in a file that is gzip, zip or plain. Raises `NotAReport` beyond `MAX_XML_BYTES`."""
    if content.startswith(GZIP):
        xml = zlib.decompressobj(wbits=31).decompress(content, MAX_XML_BYTES + 1)
    elif content.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise NotAReport("not one file")
            with archive.open(names[0]) as file:
                xml = file.read(MAX_XML_BYTES + 1)
    else:
        xml = content
    if len(xml) > MAX_XML_BYTES:
        raise NotAReport("too large")
    return xml


def parse_report(xml: bytes) -> AggregateReport:
    """Parse the XML of a report. Raises `NotAReport` or `expat.ExpatError`."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse  # without declarations there are no entities to expand
    parser.EntityDeclHandler = reader.refuse
    parser.Parse(xml, True)
    report = reader.report
    if not (report.domain and report.report_id and report.organisation):
        raise NotAReport("not an aggregate report")
    return report


class _Reader:
    """Collect what counts from expat's events."""

    def __init__(self) -> None:
        self.report, self.path, self.words = AggregateReport(), list[str](), ""
        self.row: dict[str, str] = {}
        self.records = 0

    def refuse(self, *_: object) -> None:
        raise NotAReport("declarations are not accepted")

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if not self.path and local != "feedback":
            raise NotAReport("not an aggregate report")
        self.path.append(local)
        if len(self.path) > MAX_DEPTH:
            raise NotAReport("too deep")
        self.words = ""

    def text(self, words: str) -> None:
        if len(self.words) < MAX_TEXT_CHARACTERS:
            self.words += words[:MAX_TEXT_CHARACTERS]

    def end(self, _name: str) -> None:
        path, words = "/".join(self.path[1:]), self.words.strip()
        self.path.pop()
        self.words = ""
        match path:
            case "report_metadata/org_name":
                self.report.organisation = words[:120]
            case "report_metadata/report_id":
                self.report.report_id = words[:200]
            case "report_metadata/date_range/begin":
                self.report.begins_at = datetime.fromtimestamp(min(int(words), 4_000_000_000), UTC)
            case "policy_published/domain":
                self.report.domain = words.lower().rstrip(".")[:255]
            case "record/row/source_ip" | "record/row/count":
                self.row[path.rpartition("/")[2]] = words
            case "record/row/policy_evaluated/dkim" | "record/row/policy_evaluated/spf":
                self.row[path.rpartition("/")[2]] = words.lower()
            case "record":
                self._count()

    def _count(self) -> None:
        self.records += 1
        if self.records > MAX_RECORDS:
            raise NotAReport("too many records")
        source = str(ipaddress.ip_address(self.row.get("source_ip", "")))
        n = max(0, min(int(self.row.get("count", "0")), 1_000_000_000))
        self.report.counts[source, "pass" in (self.row.get("dkim"), self.row.get("spf"))] += n
        self.row = {}


def is_ours(report: AggregateReport) -> bool:
    """Return whether a report is about the domain that we send from, or the one above it."""
    domain = sender_address().rpartition("@")[2].lower()
    return domain == report.domain or domain.endswith(f".{report.domain}")


def record_report(report: AggregateReport) -> bool:
    """Add a report to the sums, and return whether it was new. Flushes, does not commit."""
    values = {"organisation": report.organisation, "report_id": report.report_id, "domain": report.domain}
    statement = insert(DmarcReport).values(values).on_conflict_do_nothing().returning(DmarcReport.report_id)
    if db.session.scalar(statement) is None:
        return False
    day = min(report.begins_at or clock.now(), clock.now()).date()
    sources = {source for source, _ in report.counts}
    if sources:
        # In one order, so that two workers cannot deadlock.
        rows = [
            {"day": day, "source": source, "aligned": report.counts[source, True],
             "not_aligned": report.counts[source, False]}
            for source in sorted(sources)
        ]  # fmt: skip
        added = insert(DmarcSource).values(rows)
        db.session.execute(
            added.on_conflict_do_update(
                index_elements=["day", "source"],
                set_={
                    "aligned": DmarcSource.aligned + added.excluded.aligned,
                    "not_aligned": DmarcSource.not_aligned + added.excluded.not_aligned,
                },
            )
        )
    return True


def list_sources(days: int, limit: int) -> list[tuple[str, int, int]]:
    """Return the servers that sent as our domain: aligned, not aligned; those with the most unaligned emails first."""
    aligned, not_aligned = func.sum(DmarcSource.aligned), func.sum(DmarcSource.not_aligned)
    query = select(DmarcSource.source, aligned, not_aligned).where(DmarcSource.day > _since(days))
    query = query.group_by(DmarcSource.source).order_by(not_aligned.desc(), aligned.desc()).limit(limit)
    return [(row[0], int(row[1]), int(row[2])) for row in db.session.execute(query)]


def list_days(days: int) -> list[tuple[date, int, int]]:
    """Return for each day how many emails aligned and did not, newest first."""
    query = select(DmarcSource.day, func.sum(DmarcSource.aligned), func.sum(DmarcSource.not_aligned))
    query = query.where(DmarcSource.day > _since(days)).group_by(DmarcSource.day).order_by(DmarcSource.day.desc())
    return [(row[0], int(row[1]), int(row[2])) for row in db.session.execute(query)]


def _since(days: int) -> date:
    return (clock.now() - timedelta(days=days)).date()


def delete_old_reports() -> None:
    """Delete sums and report ids that are too old to be shown. Flushes, does not commit."""
    db.session.execute(delete(DmarcSource).where(DmarcSource.day < _since(RETENTION.days)))
    db.session.execute(delete(DmarcReport).where(DmarcReport.received_at < clock.now() - RETENTION))
