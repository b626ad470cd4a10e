"""Send a dossier as a file, as the desk and the API do."""

from flask import Response, make_response

from petition.core.db import db
from petition.exports.documents import dossiers
from petition.petitions.models import Petition
from petition.team import audit


def send_dossier(petition: Petition, dossier_id: int) -> Response:
    """Return a dossier as it was made, and record in the audit trail who fetched it. Commits. Raises `NotFound`."""
    dossier = dossiers.read_dossier(petition, dossier_id)
    audit.record("dossier.downloaded", "petition", petition.slug, after={"dossier": dossier.id})
    db.session.commit()
    response = make_response(dossier.content)
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f"attachment; filename={dossier.reference}.pdf"
    return response
