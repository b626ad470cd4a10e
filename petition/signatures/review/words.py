"""Words that send a name to the team: institutions and offices, words of a sentence, advertising, insults.

Each list is short on purpose: a name that has one of these waits for a person, who decides; nothing is refused. All are
in lower case, without accents, as `rules.fold` writes them; an entry of several words is found as a whole.
"""

# In the name of a person. A choice: authorities of France, Spain and English-speaking countries, and services
# under whose names people are commonly deceived.
INSTITUTIONS = frozenset((
    "administration penitentiaire", "ameli", "armee", "assemblee nationale", "banque", "bank", "cabinet",
    "chef de l etat", "commissaire", "commissariat", "commission europeenne", "conseil constitutionnel",
    "conseil d etat", "conseil regional", "consulat", "cour d appel", "cour de cassation", "cpam", "cour des comptes",
    "defenseur des droits", "departement", "direction", "douanes", "elysee", "embassy", "ambassade", "europol",
    "finances publiques", "france travail", "garde des sceaux", "gendarmerie", "government", "gouvernement",
    "home office", "house of commons", "impots", "interpol", "la poste", "mairie", "matignon", "ministere",
    "ministre", "minister", "ministry", "nations unies", "onu", "parlement", "parliament", "parquet general",
    "paypal", "police", "prefecture", "premier ministre", "premiere ministre", "president de la republique",
    "presidente de la republique", "prime minister", "procureur", "republique francaise", "senat", "tresor public",
    "tribunal", "union europeenne", "united nations", "urssaf", "white house",
    "agencia tributaria", "ayuntamiento", "casa real", "congreso de los diputados", "consejo de ministros",
    "defensor del pueblo", "embajada", "fiscalia", "gobierno", "guardia civil", "instituciones penitenciarias",
    "ministerio", "ministro", "ministra", "naciones unidas", "parlamento", "policia nacional",
    "presidente del gobierno", "presidenta del gobierno", "seguridad social", "tribunal supremo", "union europea",
))  # fmt: skip

# In a profession: only offices of which there is one.
OFFICES = frozenset((
    "chef de l etat", "garde des sceaux", "head of state", "justice minister", "minister of justice",
    "ministre de l interieur", "ministre de la justice", "premier ministre", "premiere ministre",
    "president de la republique", "presidente de la republique", "prime minister",
    "fiscal general del estado", "jefe del estado", "ministra de justicia", "ministro de justicia",
    "presidenta del gobierno", "presidente del gobierno",
))  # fmt: skip

# Pronouns, verbs and other words that hardly any name has, and a sentence can hardly do without. Left out are those
# that are names as well, such as On, Ou and Plus.
SENTENCE_WORDS = frozenset((
    "avec", "ceci", "cela", "ces", "cet", "cette", "chez", "comme", "comment", "contre", "dans",
    "demain", "donc", "elle", "elles", "est", "etes", "etre", "faites", "from", "have", "here", "ici", "je",
    "mais", "maintenant", "nos", "notre", "nous", "ont", "our", "parce", "pas", "pour", "pourquoi", "qui",
    "sera", "sommes", "sont", "soyez", "stop", "suis", "tous", "toutes", "the", "this", "une", "vive",
    "votre", "vous", "was", "were", "with", "you", "your",
    "ahora", "aqui", "contra", "nosotros", "nuestra", "nuestro", "porque", "somos", "usted", "ustedes", "viva",
    "vosotros",
))  # fmt: skip

ADVERTISING = frozenset((
    "achetez", "appelez", "bitcoin", "bonus", "buy", "casino", "click", "cliquez", "congratulations", "contactez",
    "crypto", "escort", "felicitations", "gagnez", "gratuit", "gratuite", "gratuitement", "investissez", "jackpot",
    "onlyfans", "porn", "porno", "promo", "sexe", "telegram", "viagra",
    "visitez", "whatsapp", "winner", "compre", "gratis", "haga clic", "llame",
))  # fmt: skip

INSULTS = frozenset((
    "asshole", "batard", "bastard", "bitch", "bougnoule", "branleur", "connard", "connards", "connasse", "cunt",
    "encule", "encules", "faggot", "fils de pute", "fuck", "fucker", "gouine", "heil", "hitler", "merde", "nazi",
    "nazis", "negre", "negro", "nigger", "nique", "ordure", "pd", "pede", "petasse", "pourriture", "putain", "pute",
    "putes", "racaille", "salaud", "salauds", "salope", "salopes", "shit", "slut", "tapette", "whore",
    "youpin", "zob", "cabron", "cabrones", "gilipollas", "hijo de puta", "maricon", "mierda", "puta", "putas", "sudaca",
))  # fmt: skip
