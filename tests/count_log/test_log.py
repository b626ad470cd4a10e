"""The log of the count: it follows every change, holds no personal data, and is what the public pages serve."""

import base64
import json
import random
import sys
from dataclasses import replace
from io import BytesIO
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text
from support.factories import make_petition, make_signature
from support.settings import ROOT

from petition.core.db import db
from petition.count_log import log, notes
from petition.count_log.models import CountCommitment, CountEvent, CountLogEntry
from petition.petitions.counters import get_count
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.links import make_personal_token
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.staff.invalidate import invalidate, reinstate

sys.path.insert(0, str(ROOT / "tools"))
import verify_count

SEED = base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def petition(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_COUNT_LOG_KEY", SEED)
    return make_petition()


def sign(petition, number, **values):
    values.setdefault("email", f"s{number}@example.org")
    signature = make_signature(petition, **values)
    confirm_signature(signature)
    db.session.commit()
    return signature


def append():
    while log.append_batch():
        pass


def read_entries(petition):
    query = select(CountLogEntry.entry).where(CountLogEntry.petition_id == petition.id)
    return [entry.encode() for entry in db.session.scalars(query.order_by(CountLogEntry.entry_index))]


def count_of_log(petition):
    append()
    checkpoint = log.get_checkpoint(petition.id)
    db.session.refresh(checkpoint)
    count = verify_count.verify_log(read_entries(petition), checkpoint.size, bytes(checkpoint.root), [])
    assert (count["person"], count["organisation"]) == (checkpoint.people, checkpoint.organisations)
    return checkpoint.people, checkpoint.organisations


def test_log_follows_every_change(petition):
    signatures = [sign(petition, number) for number in range(6)]
    sign(petition, 6, party="organisation", organisation="Les Jardins", review="approved")
    for step in (
        lambda: withdraw(signatures[0]), lambda: disown(signatures[1]), lambda: invalidate(signatures[2]),
        lambda: reinstate(signatures[2]), lambda: erase(signatures[3]), lambda: invalidate(signatures[4]),
        lambda: erase(signatures[4]), lambda: withdraw(signatures[5]),
    ):  # fmt: skip
        step()
        db.session.commit()
        count = get_count(petition)
        assert count_of_log(petition) == (count.people, count.organisations)
    assert db.session.query(CountEvent).count() == 0


def test_a_change_and_its_reverse_in_one_batch(petition):
    signature = sign(petition, 1)
    invalidate(signature)
    reinstate(signature)
    withdraw(signature)
    db.session.commit()
    assert count_of_log(petition) == (0, 0)
    assert [json.loads(entry)["kind"] for entry in read_entries(petition)] == [
        "confirmed", "invalidated", "restored", "withdrawn",
    ]  # fmt: skip


def test_nothing_in_the_log_leads_to_somebody_erased(petition):
    signature = sign(petition, 1, email="zoe.martin@example.org", name="Zoé Martin")
    append()
    commitment = db.session.get(CountCommitment, signature.id)
    assert commitment.statement == "jardin\nperson\nzoe.martin@example.org"
    assert log.make_commitment(bytes(commitment.salt), commitment.statement) in read_entries(petition)[0].decode()
    erase(signature)
    db.session.commit()
    append()
    db.session.refresh(commitment)
    assert (commitment.salt, commitment.statement) == (None, None)
    assert not any(word in entry.lower() for entry in read_entries(petition) for word in (b"zo", b"martin", b"example"))


def test_somebody_erased_before_the_worker_came_is_counted_and_forgotten(petition):
    signature = sign(petition, 1)
    erase(signature)
    db.session.commit()
    assert count_of_log(petition) == (0, 0)
    assert db.session.scalars(select(CountCommitment.salt)).all() == [None]


def test_anonymising_destroys_the_salt(petition):
    signature = sign(petition, 1)
    append()
    db.session.execute(
        text("UPDATE signatures SET email = '', anonymised_at = now() WHERE id = :id"), {"id": signature.id}
    )
    db.session.commit()
    assert db.session.scalars(select(CountCommitment.salt)).all() == [None]
    assert count_of_log(petition) == (1, 0)


def test_tiles_are_written_as_they_fill(petition):
    insert = text("""
        INSERT INTO count_events (petition_id, signature_id, party, kind)
        SELECT :petition, 1000 + n, 'person', 'confirmed' FROM generate_series(CAST(:first AS int), :last) AS n
    """)
    for first, last in ((1, 255), (256, 256), (257, 257), (258, 1100), (1101, 4000)):
        db.session.execute(insert, {"petition": petition.id, "first": first, "last": last})
        db.session.commit()
        assert count_of_log(petition) == (last, 0)


def serve(client, monkeypatch):
    """Let the script fetch from the application."""

    def urlopen(request, timeout):
        url = urlsplit(request.full_url)
        response = client.get(url.path)
        if response.status_code != 200:
            raise HTTPError(request.full_url, response.status_code, "", {}, None)
        return BytesIO(response.data)

    monkeypatch.setattr(verify_count.urllib.request, "urlopen", urlopen)


def run_script(app, petition, *arguments):
    url = f"{app.config['PUBLIC_URL']}/p/{petition.slug}"
    return verify_count.main([url, "--pause", "0", "--attempts", "1", *map(str, arguments)])


def test_the_script_agrees_and_catches_a_false_count(app, client, petition, monkeypatch, capsys, tmp_path):
    serve(client, monkeypatch)
    signatures = [sign(petition, number) for number in range(5)]
    withdraw(signatures[0])
    db.session.commit()
    append()
    state = tmp_path / "state"
    assert run_script(app, petition, "--state", state) == 0
    assert "4 people and 0 organisations: 6 entries agree" in capsys.readouterr().out
    token = make_personal_token(signatures[1])
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(client.get(f"/me/{token}/receipt.json").data)
    assert "receipt.json" in client.get(f"/me/{token}/receipt").text
    sign(petition, 9)
    append()
    assert run_script(app, petition, "--state", state, "--receipt", receipt) == 0
    assert "The receipt is of entry 1." in capsys.readouterr().out
    db.session.execute(text("UPDATE petition_counts SET people = people + 1 WHERE slot = 1"))
    db.session.commit()
    assert run_script(app, petition) == 1
    assert "WRONG: the log adds up to" in capsys.readouterr().out


def test_a_receipt_of_somebody_else_is_refused(app, client, petition, monkeypatch):
    signatures = [sign(petition, number) for number in range(3)]
    append()
    files = [json.loads(client.get(f"/me/{make_personal_token(one)}/receipt.json").data) for one in signatures]
    key = log.get_checkpoint(petition.id).verifier_key
    assert verify_count.verify_receipt(files[0], key) == 0
    for change in (
        {"statement": files[1]["statement"]}, {"salt": files[1]["salt"]}, {"path": files[1]["path"]}, {"index": 2},
        {"entry": files[1]["entry"], "salt": files[1]["salt"], "statement": files[1]["statement"]},
    ):  # fmt: skip
        with pytest.raises(verify_count.Wrong):
            verify_count.verify_receipt(files[0] | change, key)


def tamper(chance, entries):
    """Return the entries with one change of a kind that a dishonest site could make."""
    entries, position = list(entries), chance.randrange(len(entries))
    kind = chance.choice(("drop", "add", "swap", "flip", "backdate", "repeat"))
    if kind == "drop":
        del entries[position]
    elif kind == "add":
        forged = {
            "kind": "confirmed",
            "party": "person",
            "hour": "2026-01-01T00Z",
            "commitment": chance.randbytes(32).hex(),
        }
        entries.insert(position, json.dumps(forged).encode())
    elif kind == "swap":
        other = (position + 1 + chance.randrange(len(entries) - 1)) % len(entries)
        entries[position], entries[other] = entries[other], entries[position]
    elif kind == "flip":
        data = bytearray(entries[position])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        entries[position] = bytes(data)
    elif kind == "backdate":
        entry = json.loads(entries[position])
        entry["hour"] = "2020-01-01T00Z"
        entries[position] = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    else:
        entries.append(entries[position])
    return entries


@pytest.mark.slow
def test_ten_thousand_tamperings_are_caught(petition):
    for number in range(12):
        signature = sign(petition, number)
        if number % 3 == 0:
            withdraw(signature)
            db.session.commit()
    append()
    checkpoint, entries = log.get_checkpoint(petition.id), read_entries(petition)
    chance = random.Random(25)
    for _ in range(10_000):
        changed = tamper(chance, entries)
        if changed == entries:
            continue
        root = verify_count.root_of([verify_count.hash_leaf(entry) for entry in changed])
        for size, signed in ((checkpoint.size, bytes(checkpoint.root)), (len(changed), bytes(checkpoint.root))):
            with pytest.raises(verify_count.Wrong):
                verify_count.verify_log(changed, size, signed, [])
        # A dishonest site signs what it changed: whoever kept an earlier checkpoint notices.
        with pytest.raises(verify_count.Wrong):
            verify_count.verify_log(changed, len(changed), root, [(checkpoint.size, bytes(checkpoint.root))])


def test_what_is_added_later_cannot_be_dated_back(petition):
    """Signed by the site, and after everything that anybody kept a checkpoint of."""
    sign(petition, 1)
    append()
    entries = read_entries(petition)
    today = json.loads(entries[0])
    for hour, is_right in (("2020-01-01T00Z", False), ("yesterday", False), (today["hour"], True)):
        added = [*entries, json.dumps({**today, "hour": hour, "commitment": "ab" * 32}).encode()]
        roots = [verify_count.root_of([verify_count.hash_leaf(entry) for entry in view]) for view in (entries, added)]
        if is_right:
            assert verify_count.verify_log(added, 2, roots[1], [(1, roots[0])])["person"] == 2
            continue
        with pytest.raises(verify_count.Wrong):
            verify_count.verify_log(added, 2, roots[1], [(1, roots[0])])


def test_two_witnesses_who_were_shown_two_logs_find_out(app, client, petition, monkeypatch, tmp_path, capsys):
    """By what each has, with the script as it is run."""
    for number in range(3):
        sign(petition, number)
    append()
    key = client.get("/p/jardin/log/key").text.strip()
    honest = client.get("/p/jardin/log/checkpoint").text
    checkpoint, *_rest = notes.parse_checkpoint(honest)
    forged = notes.sign_checkpoint(replace(checkpoint, root=b"r" * 32), notes.load_key(SEED))
    verify_count.parse_checkpoint(forged, key)  # the site signed both
    for title, note in (("first", honest), ("second", forged)):
        (tmp_path / title).write_text(note)
    serve(client, monkeypatch)
    assert run_script(app, petition, "--key", key, "--seen", tmp_path / "first") == 0
    assert run_script(app, petition, "--key", key, "--seen", tmp_path / "first", "--seen", tmp_path / "second") == 1
    assert "not those of the earlier checkpoint" in capsys.readouterr().out


def test_split_view_shows_in_two_checkpoints(petition):
    for number in range(4):
        sign(petition, number)
    append()
    entries = read_entries(petition)
    other = [*entries[:2], entries[3], entries[2]]
    roots = [verify_count.root_of([verify_count.hash_leaf(e) for e in view]) for view in (entries, other)]
    with pytest.raises(verify_count.Wrong, match="not those of the earlier checkpoint"):
        verify_count.verify_log(entries, 4, roots[0], [(4, roots[1])])


def make_witness(name, key):
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return notes.VerifierKey(name, notes.COSIGNATURE, raw)


def cosign(body, key, witness, timestamp=1_700_000_000):
    signature = key.sign(f"cosignature/v1\ntime {timestamp}\n{body}".encode())
    blob = base64.b64encode(witness.key_id + timestamp.to_bytes(8) + signature).decode()
    return f"— {witness.name} {blob}\n"


def test_a_witness_countersigns_the_current_checkpoint(app, client, petition, monkeypatch):
    key = Ed25519PrivateKey.generate()
    witness = make_witness("witness.example.org", key)
    monkeypatch.setitem(app.config, "PETITION_COUNT_LOG_WITNESSES", [str(witness)])
    sign(petition, 1)
    append()
    note = client.get("/p/jardin/log/checkpoint").text
    body = note.partition("\n\n")[0] + "\n"
    line = cosign(body, key, witness)
    assert client.post("/p/jardin/log/cosignatures", data=note).status_code == 403
    assert client.post("/p/jardin/log/cosignatures", data=note + line[:-6] + "AAAA\n").status_code == 403
    assert client.post("/p/jardin/log/cosignatures", data="nonsense").status_code == 400
    assert client.post("/p/jardin/log/cosignatures", data=note + line).status_code == 200
    assert client.get("/p/jardin/log/checkpoint").text == note + line
    assert "witness.example.org" in client.get("/p/jardin/log").text
    sign(petition, 2)
    append()
    assert client.post("/p/jardin/log/cosignatures", data=note + line).status_code == 409
    assert client.get("/p/jardin/log/witnesses/witness.example.org").text == note + line
    assert line not in client.get("/p/jardin/log/checkpoint").text


def test_witnesses_are_in_the_order_of_their_names(app, client, petition, monkeypatch):
    keys = {name: Ed25519PrivateKey.generate() for name in ("b.example.org", "c.example.org", "a.example.org")}
    witnesses = {name: make_witness(name, key) for name, key in keys.items()}
    monkeypatch.setitem(app.config, "PETITION_COUNT_LOG_WITNESSES", [str(witness) for witness in witnesses.values()])
    sign(petition, 1)
    append()
    note = client.get("/p/jardin/log/checkpoint").text
    body = note.partition("\n\n")[0] + "\n"
    lines = {name: cosign(body, key, witnesses[name]) for name, key in keys.items()}
    for line in lines.values():
        assert client.post("/p/jardin/log/cosignatures", data=note + line).status_code == 200
    db.session.execute(text("ANALYZE count_cosignatures"))
    db.session.commit()  # PostgreSQL now knows how few they are, and reads the table, not an index that has an order
    assert client.get("/p/jardin/log/checkpoint").text == note + "".join(lines[name] for name in sorted(lines))
    page = client.get("/p/jardin/log").text
    assert sorted(lines, key=page.index) == sorted(lines)


@pytest.mark.parametrize("path", [
    "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/000.p/3", "tile/0/000", "tile/9/000", "tile/0/x000/000.p/2",
    "tile/0/../000", "tile/entries/000.p/9", "tile/entries/abc", "witnesses/nobody",
])  # fmt: skip
def test_what_is_not_there_is_not_found(client, petition, path):
    for number in range(2):
        sign(petition, number)
    append()
    assert client.get(f"/p/jardin/log/{path}").status_code == (200 if path == "tile/0/x000/000.p/2" else 404)


def test_pages_say_that_there_is_nothing_yet(client, app):
    petition = make_petition()
    assert client.get("/p/jardin/log").status_code == 200
    assert client.get("/p/jardin/log/checkpoint").status_code == 404
    signature = sign(petition, 1)
    append()
    assert client.get("/p/jardin/log/checkpoint").status_code == 404, "not signed without a key"
    token = make_personal_token(signature)
    assert client.get(f"/me/{token}/receipt.json").status_code == 404
    assert client.get(f"/me/{token}/receipt").status_code == 200


def test_what_counted_before_is_written_too(app):
    """As the migration does it."""
    petition = make_petition()
    sign(petition, 1)
    assert db.session.query(Signature).count() == db.session.query(CountEvent).count() == 1
