"""The values of a mailing's form as they are stored: what the desk shows in it, and what a client of the API reads."""

from typing import Any

from petition.mailings.drafting.drafts import TEXT_PARTS
from petition.mailings.models import Mailing

SETTING_FIELDS = (
    "name", "sender_name", "reply_to", "timezone", "public", "trigger", "trigger_value", "per_hour", "per_domain_hour",
    "warm_up", "undo_minutes",
)  # fmt: skip
LIMIT_FIELDS = ("failure_limit", "unsubscribe_limit")  # fractions of 1, percentages in the form


def values_from_mailing(mailing: Mailing) -> dict[str, Any]:
    """Return the form's values for a mailing, as `parse_draft` reads them."""
    form = {name: getattr(mailing, name) for name in SETTING_FIELDS}
    form |= {name: f"{getattr(mailing, name) * 100:g}" for name in LIMIT_FIELDS}
    form |= mailing.segment | {"partner": mailing.partner_id}
    for language, text in mailing.texts.items():
        form |= {f"{part}_{language}": getattr(text, part) for part in TEXT_PARTS}
    return form
