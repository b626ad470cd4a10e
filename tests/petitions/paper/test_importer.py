"""Reading and adding in batches: nothing is lost or repeated where a worker dies or two work at once."""

import threading

import pytest
from sqlalchemy import text
from support.factories import make_petition, spell

from petition.bulk_actions import runner
from petition.core import clock
from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.petitions.paper import bulk, importer
from petition.petitions.paper.models import PaperImport, PaperSignature

LIST = "name,city\n" + "".join(f"Signer {chr(97 + n)},Lyon\n" for n in range(10)) + "Signer a,Lyon\n"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(importer, "BATCH_SIZE", 3)
    monkeypatch.setattr(runner, "BATCH_SIZE", 3)


def store(petition, content=LIST):
    file = importer.store_file(petition, content.encode(), "list.csv", "test")
    db.session.commit()
    return file


def read(petition, content=LIST):
    file = store(petition, content)
    importer.read_file(file.id)
    return importer.find_import(petition, file.id, lock=True)


def begin_adding(file):
    action = bulk.prepare_adding(file, "test")
    runner.start(action)
    db.session.commit()
    return action


def run(action, batches=None):
    for number, _ in enumerate(runner.run_batches(action.id), 1):
        if number == batches:
            return


def names():
    return [name for (name,) in db.session.query(PaperSignature.name).order_by(PaperSignature.line)]


def test_reading_goes_on_where_it_was_interrupted(app, monkeypatch):
    file = store(make_petition())
    calls = []

    def fail_in_the_third_batch(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError
        return delete_duplicates(*arguments)

    delete_duplicates = importer.delete_duplicates
    monkeypatch.setattr(importer, "delete_duplicates", fail_in_the_third_batch)
    with pytest.raises(RuntimeError):
        importer.read_all()
    db.session.rollback()
    assert len(names()) == 6
    importer.read_all()
    assert names() == [f"Signer {chr(97 + n)}" for n in range(10)]
    db.session.refresh(file)
    assert (file.state, file.waiting, file.lines) == ("draft", 10, 11)
    assert importer.list_problems(file) == [[12, "twice", "2"]]
    importer.read_all()
    assert len(names()) == 10


def test_no_transaction_is_open_while_the_file_is_parsed(app, monkeypatch):
    file = store(make_petition())
    open_transactions = []

    def parse(*arguments):
        open_transactions.append(db.session().in_transaction())
        return parse_table(*arguments)

    parse_table = importer.parse_table
    monkeypatch.setattr(importer, "parse_table", parse)
    importer.read_file(file.id)
    assert open_transactions == [False]


def test_reading_ends_where_the_file_is_discarded(app, monkeypatch):
    file = store(make_petition())
    delete_duplicates = importer.delete_duplicates

    def discard(*arguments):
        found = delete_duplicates(*arguments)
        importer.discard_draft(file)
        return found

    monkeypatch.setattr(importer, "delete_duplicates", discard)
    importer.read_file(file.id)
    assert names() == []
    importer.read_file(file.id)


def test_a_worker_that_dies_in_the_middle_counts_nothing_twice(app, monkeypatch):
    petition = make_petition()
    action = begin_adding(read(petition))
    run(action, batches=2)
    monkeypatch.setattr(bulk, "increment", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(action)
    db.session.rollback()
    assert get_count(petition).paper == 6
    assert reconcile() == []
    monkeypatch.undo()
    run(action)
    assert get_count(petition).paper == 10
    assert reconcile() == []


def test_two_files_with_the_same_people_added_at_once_count_them_once(app):
    petition = make_petition()
    actions = [begin_adding(read(petition)).id for _ in range(2)]

    def work(action_id):
        with app.app_context():
            for _ in runner.run_batches(action_id):
                pass

    threads = [threading.Thread(target=work, args=(action_id,)) for action_id in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    db.session.rollback()
    assert get_count(petition).paper == 10
    assert len(names()) == 10
    db.session.expire_all()
    files = db.session.query(PaperImport).all()
    assert sum(file.added for file in files) == 10
    assert [file.waiting for file in files] == [0, 0]
    assert sum(len(importer.list_problems(file)) for file in files) == 12
    assert reconcile() == []


def test_a_person_with_another_postal_code_is_not_known_already(app):
    petition = make_petition()
    run(begin_adding(read(petition, "name,city,postcode\nJean Roy,Lyon,69001\nAna Diaz,Lyon,\n")))
    again = read(petition, "name,city,postcode\nJean Roy,Lyon,69003\njean roy,LYON,69 001\nAna Diaz,Lyon,69002\n")
    assert again.waiting == 1
    assert [problem[:2] for problem in importer.list_problems(again)] == [[3, "there"], [4, "there"]]


def test_a_deleted_signature_that_was_not_reached_is_not_counted(app):
    petition = make_petition()
    file = read(petition)
    action = begin_adding(file)
    run(action, batches=1)
    rows = db.session.query(PaperSignature.id).order_by(PaperSignature.line).all()
    for (row_id,) in (rows[0], rows[-1]):
        file = importer.find_import(petition, file.id, lock=True)
        assert importer.delete_signature(file, row_id)
        db.session.commit()
    run(action)
    db.session.refresh(file)
    assert (file.added, file.waiting, get_count(petition).paper) == (8, 0, 8)
    assert reconcile() == []


def test_an_import_whose_adding_began_is_neither_discarded_nor_deleted(app):
    petition = make_petition()
    file = read(petition)
    begin_adding(file)
    importer.discard_draft(file)
    file.created_at = clock.now() - 2 * importer.DRAFT_TTL
    db.session.commit()
    importer.delete_stale_drafts()
    assert db.session.query(PaperImport).count() == 1
    assert bulk.prepare_adding(file, "test") is None


@pytest.mark.slow
def test_a_file_of_fifty_thousand_lines_is_read_and_added_and_removed(app, monkeypatch):
    monkeypatch.undo()
    petition = make_petition()
    file = read(petition, "name,city\n" + "".join(f"Signer {spell(n)} x,Lyon\n" for n in range(50_000)))
    assert (file.state, file.waiting) == ("draft", 50_000)
    run(begin_adding(file))
    assert get_count(petition).paper == 50_000
    db.session.execute(text("ANALYZE paper_signatures"))
    file = importer.find_import(petition, file.id, lock=True)
    action = bulk.prepare_removal(file, "test")
    runner.start(action)
    db.session.commit()
    run(action)
    assert get_count(petition).paper == 0
    assert reconcile() == []
