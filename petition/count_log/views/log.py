"""A petition's log in the format of C2SP tlog-tiles: checkpoint, tiles of hashes, tiles of entries; and what it is.

Paths are those of https://c2sp.org/tlog-tiles. A full tile never changes; a partial one may be served for a while.
"""

import re
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from sqlalchemy import Row

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import current_language
from petition.core.web.assets import IMMUTABLE_CACHE_CONTROL
from petition.count_log import log, notes, queries
from petition.count_log.merkle import TILE_WIDTH
from petition.count_log.models import CountCheckpoint, CountCosignature
from petition.count_log.timestamps import REPLY_TYPE
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.presenter import present
from petition.petitions.views.public import get_public_or_404
from petition.safeguards.rate_limits import limit_token_posts

ACCESS = "public"
CHECKPOINT_CACHE_CONTROL = "public, max-age=0, s-maxage=5"
MAX_LEVEL = 5
# `x001/x234/067` and, of a partial tile, `.p/` and its width: three digits at a time, all but the last with an x.
TILE_PATH = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")
MAX_NOTE_BYTES = 8192
blueprint = Blueprint("count_log", __name__, url_prefix="/p/<slug>/log")


@blueprint.get("")
def page(slug: str) -> str:
    """Say what the log is, what it says now, and how to check it."""
    petition = get_public_or_404(slug)
    checkpoint = log.get_checkpoint(petition.id)
    witnesses = db.session.query(CountCosignature).filter_by(petition_id=petition.id).order_by(CountCosignature.witness)
    return render_template(
        "count_log/log.html",
        petition=present(petition, current_language()),
        checkpoint=checkpoint,
        count=get_count(petition),
        witnesses=witnesses.all(),
    )


@blueprint.get("/checkpoint")
def checkpoint(slug: str) -> Response:
    """Return the signed checkpoint, with the signatures of witnesses that are of the same size."""
    petition = get_public_or_404(slug)
    found = _get_checkpoint_or_404(petition)
    cosignatures = db.session.query(CountCosignature).filter_by(petition_id=petition.id, size=found.size)
    in_order = cosignatures.order_by(CountCosignature.witness)
    lines = [notes.parse_checkpoint(row.note)[2][-1] + "\n" for row in in_order]
    return _text((found.note or "") + "".join(lines), CHECKPOINT_CACHE_CONTROL)


@blueprint.get("/witnesses/<witness>")
def witnessed(slug: str, witness: str) -> Response:
    """Return the last checkpoint that a witness countersigned."""
    petition = get_public_or_404(slug)
    found = db.session.get(CountCosignature, (petition.id, witness))
    return _text(found.note, CHECKPOINT_CACHE_CONTROL) if found else abort(404)


@blueprint.get("/timestamp/checkpoint")
def timestamped(slug: str) -> Response:
    """Return the checkpoint that a service timestamped last."""
    return _text(_get_timestamped_or_404(slug).timestamped_note or "", CHECKPOINT_CACHE_CONTROL)


@blueprint.get("/timestamp/reply.tsr")
def timestamp_reply(slug: str) -> Response:
    """Return what the service replied (RFC 3161)."""
    response = make_response(bytes(_get_timestamped_or_404(slug).timestamp_reply or b""))
    response.mimetype = REPLY_TYPE
    response.headers["Cache-Control"] = CHECKPOINT_CACHE_CONTROL
    return response


def _get_timestamped_or_404(slug: str) -> CountCheckpoint:
    found = _get_checkpoint_or_404(get_public_or_404(slug))
    return found if found.timestamp_reply else abort(404)


@blueprint.get("/key")
def key(slug: str) -> Response:
    """Return the public key that checkpoints are verified with."""
    found = _get_checkpoint_or_404(get_public_or_404(slug))
    return _text(f"{found.verifier_key}\n", CHECKPOINT_CACHE_CONTROL)


@blueprint.get("/tile/entries/<path:path>")
def entries(slug: str, path: str) -> Response:
    """Return the entries of a tile, each with its length before it as two bytes."""
    rows = _read_tile_or_404(slug, 0, path)
    lines = [row.entry.encode() for row in rows]
    return _tile(b"".join(len(line).to_bytes(2) + line for line in lines))


@blueprint.get("/tile/<int:level>/<path:path>")
def tile(slug: str, level: int, path: str) -> Response:
    """Return the hashes of a tile."""
    if level > MAX_LEVEL:
        abort(404)
    return _tile(b"".join(bytes(row.hash) for row in _read_tile_or_404(slug, level, path)))


@blueprint.post("/cosignatures")
@limit_token_posts
def add_cosignature(slug: str) -> Response | tuple[str, int]:
    """Store the signature of a witness under the current checkpoint: the note with the witness's line."""
    petition = get_public_or_404(slug)
    found = _get_checkpoint_or_404(petition)
    try:
        note = request.get_data(cache=False)[:MAX_NOTE_BYTES].decode()
        signed, body, lines = notes.parse_checkpoint(note)
    except ValueError:
        return "This is no checkpoint: send the text of /log/checkpoint with your signature below.\n", 400
    if (signed.size, signed.root, signed.origin) != (found.size, bytes(found.root), log.get_origin(slug)):
        address = url_for("count_log.checkpoint", slug=slug)
        return f"The log has another checkpoint by now: sign that of {address}\n", 409
    try:
        witness, line = notes.require_cosignature(body, lines, _list_witnesses())
    except ValidationError as error:
        return f"{error.errors['note']}\n", 403
    db.session.execute(
        queries.SAVE_COSIGNATURE,
        {"petition_id": petition.id, "witness": witness.name, "size": found.size, "note": f"{found.note}{line}\n"},
    )
    db.session.commit()
    return _text("Stored.\n", "no-store")


def _list_witnesses() -> list[notes.VerifierKey]:
    return [notes.VerifierKey.parse(value) for value in current_app.config["PETITION_COUNT_LOG_WITNESSES"]]


def _get_checkpoint_or_404(petition: Petition) -> CountCheckpoint:
    found = log.get_checkpoint(petition.id)
    if found is None or found.note is None:
        abort(404)
    return found


def _read_tile_or_404(slug: str, level: int, path: str) -> list[Row[Any]]:
    match = TILE_PATH.fullmatch(path)
    if not match:
        abort(404)
    number = int(re.sub(r"[x/]", "", match[1]))
    width = int(match[2] or TILE_WIDTH)
    if not 1 <= width <= TILE_WIDTH or (match[2] and width == TILE_WIDTH):
        abort(404)
    rows = log.read_tile(get_public_or_404(slug).id, level, number, width)
    if len(rows) < width:
        abort(404)
    return list(rows)


def _tile(body: bytes) -> Response:
    response = make_response(body)
    response.mimetype = "application/octet-stream"
    response.headers["Cache-Control"] = IMMUTABLE_CACHE_CONTROL
    return response


def _text(body: str, cache_control: str) -> Response:
    response = make_response(body)
    response.mimetype = "text/plain"
    response.headers["Cache-Control"] = cache_control
    return response
