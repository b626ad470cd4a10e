"""Two years of a campaign: open, close, hand over, anonymise. Counts stay, nobody is left, tables are bounded.

In the middle, an old backup is restored, and brings nobody back.
"""

import re
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from support.factories import make_account, make_petition, make_signature
from support.mailings import send_mailing
from support.retention import Backup, Clock, count_rows, find_texts, today

from petition.backups.cli import backup as backup_commands
from petition.backups.tasks import run_write_journal
from petition.bulk_actions import runner
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.models import Delivery
from petition.delivery.suppressions.models import Suppression
from petition.delivery.suppressions.suppression_list import find_suppressed, suppress
from petition.delivery.worker import run_queue
from petition.mailings.progress import count_by_state
from petition.mailings.scheduler import process_mailings
from petition.operations.statistics.reconcile import reconcile
from petition.operations.statistics.rollup import roll_up
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import bulk, importer
from petition.petitions.paper.models import PaperImport
from petition.petitions.queries import TOP_VALUES_SQL, find_by_slug
from petition.petitions.statistics.campaign import roll_up_batch
from petition.retention import anonymise
from petition.retention.announcements import record_handover
from petition.retention.models import DeliveryDay, PetitionRetention
from petition.retention.tasks import run_anonymisation, run_folding
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.links import make_personal_token
from petition.signatures.models import Signature
from petition.signatures.personal import self_service
from petition.signatures.staff.actions import perform_action
from petition.signatures.tasks import run_retention
from petition.team.models import AuditEvent

NAMES = ("Zoé Martin", "Bakary Diallo", "Inès Roussel", "Piotr Nowak", "Ondine Perec", "Sacha Kerbrat", "Aminata Sow")
TOWNS = ("Quimperlé", "Bergerac", "Lodève", "Vierzon", "Lodève", "Vierzon", "Quimperlé")
PAPER = "Nom,Profession,Ville,Code postal,Référence\nHenriette Vasseur,Juge,Ploërmel,56800,feuille Vasseur\n"


@pytest.fixture
def travel(monkeypatch):
    return Clock(monkeypatch)


def statistics(petition):
    """Return all that a petition's figures say, from the counters and the statistics, as the pages read them."""
    while roll_up_batch():
        pass
    parameters = {"petition": petition.id, "dimensions": list(DIMENSIONS), "limit": 100, "suggested": []}
    tops = db.session.execute(TOP_VALUES_SQL, parameters)
    hours = "SELECT hour, submitted, counted FROM campaign_hours WHERE petition_id = :id AND counted <> 0 ORDER BY hour"
    return (
        get_count(petition),
        sorted((row.dimension, row.value, row.n) for row in tops),
        db.session.execute(text(hours), {"id": petition.id}).all(),
    )


DIMENSIONS = ("path", "source", "language", "profession", "city", "area", "country")


def sign(petition, email, **details):
    """Return a signature that was signed and confirmed."""
    signature = make_signature(petition, email=email, **details)
    assert confirm_signature(signature)
    db.session.commit()
    return signature


def import_paper(petition):
    file = importer.store_file(petition, PAPER.encode(), "Vasseur.csv", "alix@example.org")
    db.session.commit()
    importer.read_file(file.id)
    action = bulk.prepare_adding(db.session.get(PaperImport, file.id), "alix@example.org")
    runner.start(action)
    db.session.commit()
    runner.run_all()


@pytest.mark.slow
def test_two_years_of_a_campaign(app, client, travel, monkeypatch, sent_emails, tmp_path):
    monkeypatch.setattr(anonymise, "BATCH_SIZE", 2)
    monkeypatch.setitem(app.config, "PETITION_JOURNAL", tmp_path / "journal.jsonl")
    make_account(email="team@example.net", role_names=["campaigner"])
    petition = make_petition()
    other = make_petition(slug="verger")
    slug, other_slug = petition.slug, other.slug

    # Open: all kinds of signatures, a mailing, a bounce, a report of a name, an address that is suppressed.
    signatures = [
        sign(
            petition, f"person{number}@chez-moi.fr", name=name, city=town, postal_code=f"{29 + number}300",
            country="FR", profession="Avocate", listed=True, updates=True, network="0" * 32,
        )
        for number, (name, town) in enumerate(zip(NAMES, TOWNS, strict=True))
    ]  # fmt: skip
    organisation = sign(
        petition, "odile@ban-public.fr", party="organisation", organisation="Ban Public", name="Odile Contact",
        city="Paris", listed=True, review="approved",
    )  # fmt: skip
    number = organisation.confirmed_no
    make_signature(petition, email="jamais@chez-moi.fr", name="Jamais Confirmée")
    kept = sign(other, "autre@ailleurs.fr", name="Autre Personne", city="Sète")
    self_service.withdraw(signatures[1])
    disown(signatures[2])
    perform_action("invalidate", signatures[3], {"reason": "twice"}, actor="team@example.net")
    suppress("person0@chez-moi.fr", "permanent bounce")
    db.session.commit()
    for queue in ("confirmations", "notifications"):
        run_queue(queue)
    mailing, _sent = send_mailing(petition, sent_emails)
    mailing_id = mailing.id
    delivery = db.session.query(Delivery).filter_by(kind="mailing", state="sent").first()
    unsubscribe = next(re.search(r"/u/[\w.-]+", email.body)[0] for email in sent_emails if "/u/" in email.body)
    db.session.add(Bounce(
        kind="soft", status="4.2.2", response="full", source="imap", digest="d", delivery_id=delivery.id,
        address_hash=delivery.address_hash,
    ))  # fmt: skip
    import_paper(petition)
    personal_link = f"/me/{make_personal_token(signatures[0])}"
    assert client.get(personal_link).status_code == 200
    assert find_texts(["Ondine Perec", "person4@chez-moi.fr"])

    # Three months later it closes; half a year later it is handed over.
    travel.move(days=90)
    process_mailings_until_sent(mailing_id)
    lifecycle.close(find_by_slug(slug, lock=True))
    db.session.commit()
    run_all_retention()
    travel.move(days=31)
    run_all_retention()
    assert db.session.query(Signature).filter(Signature.network.is_not(None)).all() == []
    travel.move(days=150)
    record_handover(find_by_slug(slug, lock=True), today())
    db.session.commit()
    petition = find_by_slug(slug)
    before, mailed = statistics(petition), count_by_state(mailing_id)
    states = db.session.execute(text("SELECT state, count(*) FROM signatures GROUP BY 1 ORDER BY 1")).all()
    listed = client.get(f"/p/{slug}/signatories").text
    assert "Zoé Martin" in listed
    assert "Ban Public" in listed
    suppressed = db.session.query(Suppression).count()
    run_write_journal()
    backup = Backup()

    # Told a month before, anonymised after.
    travel.move(days=61)
    run_all_retention()
    [notice] = [email for email in deliver_notices(sent_emails) if "team@example.net" in email.to]
    assert "Pour un jardin" in notice.body
    assert find_texts(["Ondine Perec"]), "not yet"
    travel.move(days=31)
    run_all_retention()
    assert db.session.get(PetitionRetention, petition.id).finished_at is not None

    # Nobody is left, in any column of any table.
    run_write_journal()
    people = [
        *NAMES,
        "Odile Contact",
        "@chez-moi.fr",
        "person0",
        "odile@",
        "Henriette",
        "Vasseur",
        "Ploërmel",
        "feuille",
    ]
    assert find_texts(people) == []
    texts = find_texts(set(TOWNS))
    assert {found.split(":")[0] for found in texts} <= {"campaign_statistics.label", "campaign_statistics.value"}
    hashes = (
        "SELECT count(*) FROM deliveries d JOIN signatures s ON s.id = d.subject_id AND d.petition_id = s.petition_id"
    )
    assert db.session.scalar(text(f"{hashes} WHERE s.anonymised_at IS NOT NULL")) == 0
    assert db.session.query(Bounce).one().address_hash is None

    # Everything counts as before; another petition, the suppression list and the organisation's place are untouched.
    petition = db.session.get(Petition, petition.id)
    assert statistics(petition) == before
    assert db.session.execute(text("SELECT state, count(*) FROM signatures GROUP BY 1 ORDER BY 1")).all() == states
    assert count_by_state(mailing_id) == mailed
    while roll_up():
        pass
    assert count_by_state(mailing_id) == mailed
    assert [(drift.what, drift.found, drift.expected) for drift in reconcile()] == []
    assert db.session.query(Suppression).count() == suppressed
    assert find_suppressed(["person0@chez-moi.fr"])
    assert db.session.get(Signature, kept.id).name == "Autre Personne"
    left = db.session.get(Signature, organisation.id)
    assert (left.organisation, left.city, left.confirmed_no, left.listed) == ("Ban Public", "Paris", number, True)
    assert left.email_canonical.endswith("@ban-public.fr")
    listed = client.get(f"/p/{slug}/signatories").text
    assert "Ban Public" in listed
    assert "Zoé" not in listed
    assert db.session.query(PaperImport).one().file_name == "#1"
    left = db.session.get(Signature, signatures[4].id)
    assert (left.profession, left.postal_code, left.country, left.updates) == ("Avocate", "33", "FR", False)
    assert left.updates_wording_id
    assert left.valid_from > left.generation, "links are void"
    assert left.updates_at.minute == left.confirmed_at.minute == 0

    # Links say so; the petition cannot be opened again.
    page = client.get(personal_link, headers={"Accept-Language": "en"})
    assert page.status_code == 410
    assert "erased" in page.text
    for method in (client.get, client.post):
        page = method(unsubscribe, headers={"Accept-Language": "en"})
        assert page.status_code == 200
        assert "Nothing about you is kept here any more" in page.text
    with pytest.raises(lifecycle.InvalidTransition):
        lifecycle.open_(find_by_slug(slug, lock=True))
    db.session.rollback()

    # The backup from before is restored: everybody is back, until the step after a restore.
    backup.restore()
    assert find_texts(["Ondine Perec", "Henriette"])
    assert db.session.get(Petition, petition.id).anonymised_at is None
    restored = CliRunner().invoke(backup_commands, ["restored"], obj=AppProvider(lambda: nullcontext(app)))
    assert restored.exit_code == 0, restored.output
    assert "rows changed: anonymised 1." in restored.output
    db.session.expire_all()
    assert find_texts(people) == []
    assert statistics(db.session.get(Petition, petition.id)) == before
    assert db.session.execute(text("SELECT state, count(*) FROM signatures GROUP BY 1 ORDER BY 1")).all() == states
    assert count_by_state(mailing_id) == mailed
    assert find_suppressed(["person0@chez-moi.fr"])
    assert db.session.get(Signature, kept.id).name == "Autre Personne"
    assert client.get(personal_link).status_code == 410

    # Another year: nothing grows, nothing happens twice.
    travel.move(days=365)
    run_all_retention()
    assert db.session.query(AuditEvent).filter_by(action="petition.anonymised").count() == 1
    event = db.session.query(AuditEvent).filter_by(action="petition.anonymised").one()
    assert event.after == {"signatures": 8, "paper": 1}
    assert count_rows("attempts") == 0
    assert db.session.query(Delivery).filter(Delivery.petition_id == petition.id).count() == 0
    assert db.session.query(DeliveryDay).count() < 15
    assert get_count(find_by_slug(other_slug)).confirmed == 1


def run_all_retention():
    run_retention()
    run_folding()
    run_anonymisation()
    db.session.expire_all()


def deliver_notices(sent_emails):
    before = len(sent_emails)
    run_queue("notifications")
    return sent_emails[before:]


def process_mailings_until_sent(mailing_id):
    process_mailings()
    db.session.expire_all()
