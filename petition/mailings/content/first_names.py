"""Find the first name in a name as people write it."""

TITLES = frozenset((
    "dr", "fr", "frau", "herr", "m", "maître", "me", "mgr", "miss", "mlle", "mm", "mme", "mr", "mrs", "ms", "mx",
    "pr", "prof", "sir", "sr", "sra", "srta", "dra", "doña",
))  # fmt: skip


def find_first_name(name: str) -> str:
    """Return the first name: "Marie" of "Marie Dupont", "Dr. Marie Dupont", "DUPONT Marie" and "Dupont, Marie".

    The whole name where that is not clear: of initials, or with a particle in front. A greeting to "J." would be odd.
    """
    family, comma, given = name.partition(",")
    words = [word for word in (given if comma else family).split() if word.rstrip(".").casefold() not in TITLES]
    in_capitals = [word for word in words if word.isupper()]
    if len(in_capitals) < len(words):
        words = [word for word in words if word not in in_capitals or _is_initial(word)]
    if not words or _is_initial(words[0]) or words[0].islower():
        return name
    return words[0]


def _is_initial(word: str) -> bool:
    return sum(c.isalpha() for c in word) == 1 and word[0].isupper()
