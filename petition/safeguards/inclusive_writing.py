"""French inclusive endings after a dot, such as "étudiant.es": some of them are top-level domains as well.

Only `es`, `ne`, `se`, `ve` and `ice` are both (tests/safeguards/test_contact_details.py checks that against the public
suffix list), so only those look at the word before the dot.
"""

import unicodedata

ENDINGS = frozenset((
    "e", "es", "s", "x", "xs", "te", "tes", "le", "les", "lle", "lles", "ne", "nes", "nne", "nnes", "se", "ses",
    "sse", "esse", "esses", "ve", "ves", "fe", "fes", "euse", "euses", "rice", "rices", "trice", "trices", "ice",
    "ices", "ère", "ères", "ere", "eres", "ière", "ières", "iere", "ieres", "ive", "ives", "enne", "ennes", "onne",
    "onnes", "elle", "elles", "ante", "ente", "ale", "ales", "que", "ques",
))  # fmt: skip
# What a word ends with before one of these: citoyen.ne, visiteur.se, religieux.se, sportif.ve, animateur.ice.
STEM_ENDINGS = {"ne": ("en", "on", "an"), "se": ("eur", "eux"), "ve": ("if", "euf"), "ice": ("eur",)}
# Masculine forms whose feminine adds an "e". A choice: trades and offices, and what people are called in and
# around prisons. A word that ends with "é" needs no entry.
STEMS_WITH_ES = frozenset((
    "absent", "adhérent", "adjoint", "adolescent", "agent", "allemand", "ami", "anglais", "apprenant", "apprenti",
    "artisan", "assistant", "associé", "attaché", "auditeur", "auteur", "avocat", "battant", "bourgeois", "candidat",
    "chargé", "chercheur", "client", "collaborant", "combattant", "commandant", "commerçant", "concubin",
    "conférencier", "confident", "conjoint", "consultant", "contractuel", "correspondant", "cousin", "cuisinier",
    "dirigeant", "docteur", "doctorant", "débutant", "délinquant", "dépendant", "détenu", "élu", "employé",
    "encadrant", "enfant", "enseignant", "entrant", "étudiant", "exclu", "exilé", "expert", "exploitant", "fabricant",
    "figurant", "français", "gagnant", "gardien", "gérant", "greffier", "habitant", "handicapé", "hospitalier",
    "huissier", "immigrant", "indépendant", "infirmier", "ingénieur", "innocent", "inscrit", "instituteur",
    "intellectuel", "intermittent", "intervenant", "invité", "israélien", "jardinier", "juré", "laborantin", "latin",
    "libérable", "lieutenant", "magistrat", "marchand", "marin", "marocain", "mendiant", "méconnu", "migrant",
    "militant", "mineur", "montagnard", "mourant", "médecin", "négociant", "occupant", "officiant", "officier",
    "opposant", "ouvrier", "parent", "participant", "partisan", "passant", "patient", "paysan", "perdant", "pionnier",
    "plaignant", "policier", "postulant", "praticien", "président", "prévenu", "professeur", "professionnel",
    "proviseur", "puni", "randonneur", "reclus", "recteur", "religieux", "remplaçant", "représentant", "requérant",
    "résident", "saint", "savant", "second", "seul", "soignant", "sortant", "souffrant", "suivant", "superviseur",
    "suppléant", "surveillant", "survivant", "sénior", "tenant", "traitant", "tout", "tuteur", "usager", "vagabond",
    "venu", "vétéran", "vivant", "voisin", "écolier", "écrivain", "éminent", "étranger",
))  # fmt: skip


def is_inclusive(stem: str, endings: list[str]) -> bool:
    """Return whether a word and what follows its dots is one word with inclusive endings."""
    stem = unicodedata.normalize("NFC", stem).casefold().rpartition("-")[2]
    endings = [unicodedata.normalize("NFC", ending).casefold() for ending in endings]
    if not stem.isalpha() or len(stem) < 3 or not ENDINGS.issuperset(endings):
        return False
    last = endings[-1]
    if last == "es":
        return stem in STEMS_WITH_ES or stem.endswith("é")
    return last not in STEM_ENDINGS or stem.endswith(STEM_ENDINGS[last])
