"""Send a scan of a sheet as a file, as the desk and the API do."""

from flask import Response, make_response

from petition.petitions.paper import scans
from petition.petitions.paper.models import PaperScan


def send_scan(scan: PaperScan) -> Response:
    """Return the file of a scan, to save and not to open: a browser shows it nowhere near the pages."""
    response = make_response(scan.content)
    response.mimetype = scan.media_type
    name = f"sheet-{scan.import_id}-{scan.id}.{scans.EXTENSIONS[scan.media_type]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
