"""Events that were given up, for operators: send again, discard."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.integrations.webhooks import failures
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
blueprint = Blueprint("webhook_failures", __name__, url_prefix="/ops/webhooks")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/")
def index() -> str:
    """List what was given up."""
    return render_template(
        "integrations/webhook_failures/index.html", failed=failures.list_failed(), count=failures.count_failed()
    )


@blueprint.post("/replay")
def replay_all() -> Response:
    """Send all of them again."""
    return _done(failures.replay(), _("Nothing waits for a decision."))


@blueprint.post("/discard")
def discard_all() -> Response:
    """Discard all of them."""
    discarded = failures.discard()
    db.session.commit()
    flash(ngettext("%(num)s event is discarded.", "%(num)s events are discarded.", discarded), "success")
    return redirect(url_for("webhook_failures.index"), 303)


@blueprint.post("/<int:event_id>/replay")
def replay(event_id: int) -> Response:
    """Send one of them again."""
    replayed = failures.replay(event_id)
    if not replayed:
        raise NotFound
    return _done(replayed, "")


def _done(replayed: int, nothing: str) -> Response:
    db.session.commit()
    sent = ngettext("%(num)s event is sent again.", "%(num)s events are sent again.", replayed)
    flash(sent if replayed else nothing, "success")
    return redirect(url_for("webhook_failures.index"), 303)
