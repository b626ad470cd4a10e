"""What a view for tokens asks of its request: the petition, if the token is for it, and who acts."""

from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.team.api_tokens.access import current_token, require_petition


def find_petition(slug: str, *, lock: bool = False) -> Petition:
    """Return a petition that the token is for. Raises `NotFound`; aborts with 403."""
    petition = petition_queries.find_by_slug(slug, lock=lock)
    require_petition(petition.id)
    return petition


def actor_name() -> str:
    """Return the name of the token's account, as it stands beside what was asked for."""
    account = current_token().account
    return account.name or account.email
