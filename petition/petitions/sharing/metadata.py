"""What search engines and services read of a petition's page: locale codes, and a description by schema.org."""

from typing import Any

from petition.core.languages.languages import regional_locale
from petition.petitions.counters import Count
from petition.petitions.presenter import PetitionPresenter


def og_locale(language: str) -> str:
    """Return a language as Open Graph names it: with a territory (https://ogp.me)."""
    return str(regional_locale(language))


def build_structured_data(petition: PetitionPresenter, count: Count, url: str) -> dict[str, Any]:
    """Return the page's JSON-LD.

    schema.org has no type for petitions and none for open letters: a `CreativeWork` is what both are. Its publisher is
    named by `creditText`, as it may be a person or an organisation; those who signed endorse it (`EndorseAction`).
    """
    described = {
        "@context": "https://schema.org",
        "@type": "CreativeWork",
        "@id": url,
        "url": url,
        "headline": petition.title,
        "abstract": petition.summary,
        "inLanguage": petition.language,
        "creditText": petition.sender_name,
        "datePublished": petition.opened_on.isoformat() if petition.opened_on else None,
        "audience": {"@type": "Audience", "name": petition.addressee} if petition.addressee else None,
        "isAccessibleForFree": True,
        "interactionStatistic": {
            "@type": "InteractionCounter",
            "interactionType": "https://schema.org/EndorseAction",
            "userInteractionCount": count.confirmed,
        },
    }
    return {name: value for name, value in described.items() if value not in (None, "")}
