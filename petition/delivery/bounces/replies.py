"""Replies by people that arrive in the bounce mailbox: requests to unsubscribe in a few words, and all others.

Whoever answers an email writes to its sender. A short reply such as "désinscrire" or "stop" unsubscribes where it is
proved who asks: it came to a return path of ours, or it answers one of our Message-IDs and is from the address that
this email went to. Any other reply is forwarded to the team.
"""

import re
import unicodedata
from email.message import Message
from email.utils import parseaddr

from petition.core.db import db
from petition.delivery.bounces import verp
from petition.delivery.bounces.auto_replies import comes_from_mail_system, get_header, get_subject, is_auto_reply
from petition.delivery.bounces.text_bounces import get_notice
from petition.delivery.composers import sender_address
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import is_hash_of

MAX_SHORT_CHARACTERS = 120  # of a reply that is nothing but a request; longer ones are for a person to read
MAX_REFERENCES_CHARACTERS = 4_000
# Where a mail program begins to quote what is answered.
QUOTE_PATTERN = re.compile(
    r"(?im)^[ \t]*("
    r">.*|-{2,} ?(original message|message d.origine|message transf).*|_{10,}|--[ \t]*"
    r"|(on|le|el|am|il) .{4,120}(wrote|a écrit|escribió|schrieb|ha scritto)\s*:.*"
    r"|(from|de|von)\s?: .+@.*|envoyé (de|depuis) mon .*|sent from my .*|obtenir outlook pour .*|get outlook for .*)$"
)
PREFIX_PATTERN = re.compile(r"^((re|tr|fwd?|aw|rép|rep)\s?:\s*)+", re.I)
POLITE = (
    r"(bonjour|bonsoir|hello|hi|hey|please|pls|svp|s il vous plait|s il te plait|merci( d avance)?( de)?"
    r"( bien vouloir)?"
    r"|veuillez|thank you|thanks|cordialement|je (souhaite|veux|voudrais)|i (want|wish|would like) to|can you|could you"
    r"|pouvez vous|d avance)"
)
OBJECT = (
    r"((de|d|from|of|a|to|off) )?((cette|la|votre|vos|the|this|your|these|toutes les|tous vos|all) )?"
    r"(listes?|lists?|mailings?|mailing lists?|newsletters?|lettres?|(e ?)?mails?|courriels?|messages?|nouvelles)"
    r"( de diffusion)?( de votre part)?"
)
REQUEST = (
    r"((me |m )?(desinscri\w{1,6}|desabonn\w{1,6})( moi)?|unsubscribe( me)?|opt ?out|stop( all)?( e?mails?)?"
    r"|arret(ez|er)?"
    r"|(remove|delete)( me| my (e ?mail )?address)?|take me off"
    r"|((me )?(retire[rz]|supprime[rz]|enleve[rz])( moi| mon adresse( e ?mail)?)?)"
    r"|ne (plus )?m (ecri\w{1,4}|envo\w{1,4})( plus)?( rien)?|(arret\w{1,3}|cess\w{1,3}) de m (ecrire|envoyer)"
    rf"|(je )?ne (souhaite|veux|desire) plus (recevoir|etre contacte\w?)|plus (de|d) (?={OBJECT})|no more (?={OBJECT}))"
)
CLOSING = r"(cordialement|bien (cordialement|a vous)|salutations|(best|kind) regards|regards)( \w+){0,3}"
REQUEST_PATTERN = re.compile(rf"({POLITE} )*{REQUEST} ?({OBJECT})?( {POLITE})*( {CLOSING})?")


def is_reply(message: Message) -> bool:
    """Return whether a person wrote a message: not a machine, not a list, not spam, not ourselves."""
    sender = parseaddr(get_header(message, "From"))[1].lower()
    if "@" not in sender or sender == sender_address().lower() or verp.parse_address(sender):
        return False
    if comes_from_mail_system(message) or is_auto_reply(message) or message.get_content_type() == "multipart/report":
        return False
    is_bulk = str(message.get("Precedence", "")).strip().lower() in ("bulk", "junk", "list")
    is_spam = str(message.get("X-Spam-Flag", "")).strip().lower() == "yes"
    return not (is_bulk or is_spam or message.get("List-Id") or message.get("List-Unsubscribe"))


def get_own_words(message: Message) -> str:
    """Return what the person wrote, without what they quote."""
    text = get_notice(message)
    found = QUOTE_PATTERN.search(text)
    return (text[: found.start()] if found else text).strip()


def wants_to_unsubscribe(message: Message) -> bool:
    """Return whether a reply is nothing but a request to unsubscribe, in its text or, without one, in its subject."""
    words = get_own_words(message) or PREFIX_PATTERN.sub("", get_subject(message))
    if len(words) > MAX_SHORT_CHARACTERS:
        return False
    return bool(REQUEST_PATTERN.fullmatch(_simplify(words)))


def find_answered_delivery(message: Message) -> int | None:
    """Return the delivery that a message answers, if it is from the address that this email went to; else None."""
    sender = parseaddr(get_header(message, "From"))[1]
    references = " ".join(str(message.get(name, "")) for name in ("In-Reply-To", "References"))
    for word in references[:MAX_REFERENCES_CHARACTERS].split():
        delivery_id = verp.parse_message_id(word)
        delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
        if delivery and is_hash_of(delivery.address_hash, sender):
            return delivery.id
    return None


def _simplify(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return " ".join(letters.split())
