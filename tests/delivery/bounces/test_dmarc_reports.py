"""DMARC aggregate reports in the bounce mailbox: summed once, within bounds, whatever is sent."""

import gzip
import io
import zipfile
from email.message import EmailMessage

import pytest
from support.factories import sign_in

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces import dmarc_reports
from petition.delivery.bounces.dmarc_reports import NotAReport, parse_report, unpack
from petition.delivery.bounces.models import Bounce, DmarcReport, DmarcSource
from petition.delivery.bounces.processing import process_message
from petition.delivery.bounces.tasks import run_retention

RECORD = """<record><row><source_ip>{source}</source_ip><count>{count}</count>
<policy_evaluated><disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row>
<identifiers><header_from>example.org</header_from></identifiers></record>"""


def make_xml(*records, domain="example.org", report_id="r1", root="feedback", prologue=""):
    rows = "".join(RECORD.format(**dict(zip(("source", "count", "dkim", "spf"), row, strict=True))) for row in records)
    begin = int(clock.now().timestamp()) - 86_400
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}<{root}><report_metadata><org_name>google.com</org_name>'
        f"<report_id>{report_id}</report_id><date_range><begin>{begin}</begin><end>{begin + 86_399}</end></date_range>"
        f"</report_metadata><policy_published><domain>{domain}</domain><p>none</p></policy_published>{rows}</{root}>"
    ).encode()


def zipped(xml, names=("r.xml",)):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, xml)
    return file.getvalue()


def make_message(content, name="google.com!example.org!1!2.xml.gz", kind="gzip"):
    message = EmailMessage()
    message["From"], message["To"] = "noreply-dmarc-support@google.com", "petition@example.org"
    message["Subject"] = "Report domain: example.org Submitter: google.com Report-ID: r1"
    message.set_content("See the attachment.")
    message.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return message.as_bytes()


XML = make_xml(("192.0.2.1", 10, "pass", "fail"), ("192.0.2.1", 2, "fail", "fail"), ("2001:db8::1", 3, "fail", "fail"))
PACKED = [
    (gzip.compress(XML), "r.xml.gz", "gzip"),
    (zipped(XML), "r.zip", "zip"),
    (XML, "r.xml", "xml"),
    (gzip.compress(XML), "r.xml.gz", "octet-stream"),
]


@pytest.mark.parametrize(("content", "name", "kind"), PACKED, ids=range(len(PACKED)))
def test_report_is_summed_once_by_day_and_source(app, content, name, kind):
    first = process_message(make_message(content, name, kind), "imap")
    again = process_message(make_message(content, name, kind) + b"\r\n", "imap")
    assert (first.kind, again.kind, first.raw) == ("dmarc", "dmarc", None)
    assert first.response == "google.com r1"
    rows = db.session.query(DmarcSource.source, DmarcSource.aligned, DmarcSource.not_aligned)
    assert sorted(map(tuple, rows)) == [("192.0.2.1", 10, 2), ("2001:db8::1", 0, 3)]


def test_reports_of_several_providers_add_up(app):
    for number in range(2):
        xml = make_xml(("192.0.2.1", 5, "pass", "pass"), report_id=f"r{number}")
        process_message(make_message(gzip.compress(xml)), "imap")
    assert db.session.query(DmarcSource.aligned).one() == (10,)


def test_report_about_another_domain_is_not_summed(app):
    xml = make_xml(("192.0.2.1", 5, "pass", "pass"), domain="else.example")
    assert process_message(make_message(gzip.compress(xml)), "imap").kind == "not_understood"
    assert db.session.query(DmarcSource).count() == 0


MANY = make_xml(*[("192.0.2.1", 1, "pass", "pass")] * 5)
ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x1f\x8b\x08broken", b"PK\x03\x04broken", b"<feedback>", b"<feedback/>", make_xml(root="report"),
        zipped(XML, ("a.xml", "b.xml")), make_xml(prologue=ENTITIES),
        make_xml(prologue='<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
        make_xml(("not an address", 1, "pass", "pass")), make_xml(("192.0.2.1", "many", "pass", "pass")),
        b"<feedback>" + b"<a>" * 50_000,
        gzip.compress(XML)[:-30] + b"\x00" * 30,
    ],
    ids=range(13),  # not by their contents, which have the time
)  # fmt: skip
def test_what_is_no_report_is_left_for_an_operator(app, content):
    assert process_message(make_message(content), "imap").kind == "not_understood"
    assert db.session.query(DmarcSource).count() == 0


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_bomb_is_refused_before_it_is_unpacked_whole(pack):
    bomb = pack(b" " * (dmarc_reports.MAX_XML_BYTES * 3))
    assert len(bomb) < 100_000
    with pytest.raises(NotAReport, match="too large"):
        unpack(bomb)


def test_number_of_records_is_bounded(monkeypatch):
    monkeypatch.setattr(dmarc_reports, "MAX_RECORDS", 4)
    with pytest.raises(NotAReport, match="too many"):
        parse_report(MANY)


def test_page_shows_sources_and_days(client, app):
    sign_in(client, "operator")
    assert "No DMARC report" in client.get("/ops/bounces/dmarc?lang=en").text
    process_message(make_message(gzip.compress(XML)), "imap")
    db.session.commit()
    page = client.get("/ops/bounces/dmarc?lang=en").text
    assert "2001:db8::1" in page
    assert page.index("2001:db8::1") < page.index("192.0.2.1"), "the most unaligned first"
    assert "/ops/bounces/dmarc" in client.get("/ops/bounces/").text


def test_old_sums_are_deleted(app):
    process_message(make_message(gzip.compress(XML)), "imap")
    long_ago = clock.now() - dmarc_reports.RETENTION * 1.1
    db.session.query(DmarcSource).filter_by(source="192.0.2.1").update({"day": long_ago.date()})
    db.session.query(DmarcReport).update({"received_at": long_ago})
    db.session.commit()
    run_retention()
    assert db.session.query(DmarcSource.source).all() == [("2001:db8::1",)]
    assert db.session.query(DmarcReport).count() == 0
    assert db.session.query(Bounce).count() == 1
