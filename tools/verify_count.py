#!/usr/bin/env python3
"""Check that the count of a petition equals its public log, and that the log was only ever added to.

    python3 verify_count.py https://example.org/p/my-petition

Needs Python 3.11 and the package `cryptography`, nothing of the site. Formats: c2sp.org/tlog-tiles,
c2sp.org/tlog-checkpoint, c2sp.org/signed-note. What it proves, and what it does not: docs/integrity.md.

Exit status: 0 all is right, 1 something is wrong, 2 it could not be checked.
"""

import argparse
import base64
import calendar
import hashlib
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TILE_WIDTH = 256
MAX_BYTES = 32 * 1024 * 1024
MAX_LATE_SECONDS = 3600  # of a change that began before others, and was written after them
REMOVED = {"withdrawn", "disowned", "invalidated", "quarantined", "pending", "erased"}


class Wrong(Exception):
    """The log or the count is not what it should be."""


def hash_leaf(entry: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """Return the root of the tree over some leaf hashes: level by level, an odd one goes up as it is."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        pairs = [hash_children(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]


def parse_key(text: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Return name, id and key of a verifier key."""
    name, key_id, encoded = text.strip().split("+", 2)
    data = base64.b64decode(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if expected.hex() != key_id or data[:1] != b"\x01":
        raise Wrong(f"{text.strip()!r} is no key of a log")
    return name, expected, Ed25519PublicKey.from_public_bytes(data[1:])


def parse_checkpoint(note: str, key: str) -> tuple[int, bytes]:
    """Return size and root of a checkpoint; raise `Wrong` unless the key signed it."""
    name, key_id, public_key = parse_key(key)
    body, _, signatures = note.partition("\n\n")
    lines = body.split("\n")
    if len(lines) < 3 or lines[0] != name:
        raise Wrong(f"the checkpoint is not of the log {name}")
    for line in signatures.splitlines():
        prefix = f"— {name} "
        data = base64.b64decode(line.removeprefix(prefix)) if line.startswith(prefix) else b""
        if data[:4] == key_id:
            try:
                public_key.verify(data[4:], (body + "\n").encode())
            except InvalidSignature:
                break
            return int(lines[1]), base64.b64decode(lines[2])
    raise Wrong("the checkpoint is not signed by the key")


def split_entries(data: bytes) -> list[bytes]:
    """Return the entries of a tile: each has its length before it."""
    entries, position = [], 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 2])
        entries.append(data[position + 2 : position + 2 + length])
        position += 2 + length
    return entries


def add_up(entries: list[bytes]) -> dict[str, int]:
    """Return the count of each party. Raises `Wrong` where an entry cannot follow those before it."""
    counted: dict[int, bool] = {}
    parties: dict[int, str] = {}
    commitments: set[str] = set()
    count, latest = {"person": 0, "organisation": 0}, 0
    for index, data in enumerate(entries):
        try:
            entry = json.loads(data)
            kind, party, hour = entry["kind"], entry["party"], entry["hour"]
            subject = index if kind == "confirmed" else int(entry["entry"])
            moment = calendar.timegm(time.strptime(hour, "%Y-%m-%dT%HZ"))
        except (ValueError, KeyError, TypeError) as error:
            raise Wrong(f"entry {index} cannot be read") from error
        if kind == "confirmed":
            commitment = entry.get("commitment", "")
            if len(commitment) != 64 or commitment in commitments:
                raise Wrong(f"entry {index} commits to {'what another does' if commitment else 'nothing'}")
            commitments.add(commitment)
        if kind != "confirmed" and (subject not in counted or parties[subject] != party):
            raise Wrong(f"entry {index} is about entry {subject}, which added nobody of that party")
        adds = kind in {"confirmed", "restored", "released"}
        if not adds and kind not in REMOVED:
            raise Wrong(f"entry {index} is of an unknown kind, {kind!r}")
        if kind != "confirmed" and counted[subject] == adds:
            raise Wrong(f"entry {index}: entry {subject} counted {'already' if adds else 'no more'}")
        if moment < latest - MAX_LATE_SECONDS:
            raise Wrong(f"entry {index} is of {hour}, and stands after later ones: it was dated back")
        latest = max(latest, moment)
        counted[subject], parties[subject] = adds, party
        count[party] = count.get(party, 0) + (1 if adds else -1)
    return count


def verify_log(entries: list[bytes], size: int, root: bytes, earlier: list[tuple[int, bytes]]) -> dict[str, int]:
    """Return the count that entries add up to. Raises `Wrong` unless they are the log of every checkpoint given."""
    if len(entries) != size:
        raise Wrong(f"the checkpoint is of {size} entries, and there are {len(entries)}")
    hashes = [hash_leaf(entry) for entry in entries]
    if root_of(hashes) != root:
        raise Wrong("the entries are not those that the checkpoint was made of")
    for earlier_size, earlier_root in earlier:
        if earlier_size > size:
            raise Wrong(f"an earlier checkpoint had {earlier_size} entries, now there are {size}: some were dropped")
        if root_of(hashes[:earlier_size]) != earlier_root:
            raise Wrong(f"the first {earlier_size} entries are not those of the earlier checkpoint")
    return add_up(entries)


def verify_receipt(receipt: dict, key: str) -> int:
    """Return the number of the entry that a receipt proves. Raises `Wrong`."""
    size, root = parse_checkpoint(receipt["checkpoint"], key)
    salt, statement = bytes.fromhex(receipt["salt"]), receipt["statement"]
    if json.loads(receipt["entry"])["commitment"] != hashlib.sha256(salt + statement.encode()).hexdigest():
        raise Wrong("the entry of the receipt does not commit to its statement")
    found, number, last = hash_leaf(receipt["entry"].encode()), receipt["index"], size - 1
    for step in receipt["path"]:
        sibling = base64.b64decode(step)
        if number & 1 or number == last:
            found = hash_children(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = hash_children(found, sibling)
        number, last = number >> 1, last >> 1
    if last != 0 or found != root:
        raise Wrong("the receipt does not lead to the checkpoint")
    return int(receipt["index"])


def fetch(url: str) -> bytes:
    """Return what an address answers."""
    request = urllib.request.Request(url, headers={"User-Agent": "verify_count", "Accept": "*/*"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read(MAX_BYTES)


def tile_path(number: int, width: int) -> str:
    """Return the path of a tile: `x001/x234/067`, and `.p/` with the width of a partial one."""
    path = f"{number % 1000:03}"
    while number := number // 1000:
        path = f"x{number % 1000:03}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def fetch_entries(log: str, size: int) -> list[bytes]:
    """Return all entries of a log; their hashes must be those of the tiles, which others look at."""
    entries: list[bytes] = []
    for number in range(-(-size // TILE_WIDTH)):
        path = tile_path(number, min(TILE_WIDTH, size - number * TILE_WIDTH))
        found = split_entries(fetch(f"{log}/tile/entries/{path}"))
        if b"".join(map(hash_leaf, found)) != fetch(f"{log}/tile/0/{path}"):
            raise Wrong(f"the entries and the hashes of tile {number} are not the same")
        entries += found
    return entries


def fetch_count(url: str) -> dict[str, int]:
    """Return the count that the site publishes."""
    site, _, slug = url.partition("/p/")
    return json.loads(fetch(f"{site}/api/v1/petitions/{slug}/count"))


def check(url: str, key: str, seen: list[str], attempts: int, pause: float) -> tuple[str, str]:
    """Return a line that says what was found, and the checkpoint. Raises `Wrong`."""
    log = f"{url}/log"
    for attempt in range(attempts):
        note, published = fetch(f"{log}/checkpoint").decode(), fetch_count(url)
        size, root = parse_checkpoint(note, key)
        entries = fetch_entries(log, size)
        count = verify_log(entries, size, root, [parse_checkpoint(one, key) for one in seen])
        if (count["person"], count["organisation"]) == (published["people"], published["organisations"]):
            return f"{count['person']} people and {count['organisation']} organisations: {size} entries agree", note
        if attempt < attempts - 1:  # the log is written some seconds after the count
            time.sleep(pause)
    raise Wrong(f"the log adds up to {count}, and the site says {published}")


def main(arguments: list[str] | None = None) -> int:
    """Check a petition, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="address of the petition, such as https://example.org/p/my-petition")
    parser.add_argument("--key", help="the log's key, from a source you trust; otherwise the site is asked")
    parser.add_argument("--state", type=Path, help="file to keep the checkpoint in, to compare with the next time")
    parser.add_argument("--seen", type=Path, action="append", default=[], help="checkpoint that somebody else got")
    parser.add_argument("--receipt", type=Path, help="receipt to check too")
    parser.add_argument("--attempts", type=int, default=4, help="tries, while the log is behind the count")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between them")
    given = parser.parse_args(arguments)
    url = given.url.rstrip("/")
    try:
        key = given.key or fetch(f"{url}/log/key").decode().strip()
        kept = [given.state] if given.state and given.state.exists() else []
        seen = [path.read_text(encoding="utf-8") for path in [*kept, *given.seen]]
        line, note = check(url, key, seen, given.attempts, given.pause)
        print(line)
        if given.receipt:
            number = verify_receipt(json.loads(given.receipt.read_text(encoding="utf-8")), key)
            print(f"The receipt is of entry {number}.")
        if given.state:
            given.state.write_text(note, encoding="utf-8")
        if not given.key:
            print(f"Key, as the site gives it (next time: --key): {key}")
    except Wrong as error:
        print(f"WRONG: {error}")
        return 1
    except (OSError, ValueError, KeyError) as error:
        print(f"Could not be checked: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
