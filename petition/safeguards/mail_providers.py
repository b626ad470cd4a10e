"""Whose mail server an address is at: that of a large provider, or of one organisation."""

from functools import lru_cache

from petition.safeguards.public_suffixes import get_public_suffixes

# Providers that give mailboxes to the public, with millions of users each, and the registrable domains of big Internet
# access providers: no campaign is a burden to them. By registrable domain; `FAMILIES` have one in many countries.
FAMILIES = {"gmx", "hotmail", "live", "outlook", "windowslive", "yahoo", "yandex"}
_LARGE_PROVIDERS = """
    126.com 163.com 1und1.de 9online.fr abv.bg aim.com alice.it aliceadsl.fr aliyun.com aol.com aol.fr arcor.de
    att.net bbox.fr bell.net bellsouth.net bigpond.com bluemail.ch bluewin.ch bol.com.br bouyguestelecom.fr
    btinternet.com btopenworld.com caramail.com cegetel.net centrum.cz charter.net chello.at chello.nl
    club-internet.fr comcast.net cox.net daum.net duck.com earthlink.net email.com email.cz email.de emailn.de
    eresmas.com fastmail.com fastmail.fm free.fr freemail.hu freenet.de freesurf.fr gmail.com googlemail.com
    googlemail.fr hanmail.net hey.com hispeed.ch home.nl icloud.com ig.com.br ik.me inbox.lv infomaniak.com
    infonie.fr interia.pl inwind.it iol.it iol.pt juno.com kpnmail.nl laposte.net libero.it libertysurf.fr
    luukku.com mac.com mail.com mail.de mail.ee mail.ru mailbox.org mailo.com me.com mindspring.com modulonet.fr
    msn.com mweb.co.za mynet.com nate.com naver.com net-c.com netcologne.de netcourrier.com netscape.net
    netzero.net neuf.fr noos.fr ntlworld.com numericable.fr o2.pl onet.pl online.de online.no op.pl
    optonline.net optusnet.com.au orange.com orange.es orange.fr pandora.be planet.nl pm.me poczta.onet.pl
    posta.hr posteo.de posteo.eu posteo.net prodigy.net.mx proton.me protonmail.ch protonmail.com qq.com
    rambler.ru rediffmail.com riseup.net rocketmail.com rogers.com rr.com runbox.com sapo.pt sbcglobal.net
    scarlet.be seznam.cz sfr.fr shaw.ca sina.com sky.com skynet.be sohu.com sunrise.ch swissonline.ch
    sympatico.ca t-online.de talktalk.net tele2.fr telefonica.net telenet.be telus.net terra.com.br terra.es
    tiscali.co.uk tiscali.fr tiscali.it tuta.com tuta.io tutamail.com tutanota.com tutanota.de ukr.net
    uol.com.br upcmail.nl verizon.net videotron.ca virgilio.it virginmedia.com vodafone.de vodafone.it voila.fr
    volny.cz wanadoo.es wanadoo.fr web.de windstream.net wp.pl xs4all.nl xtra.co.nz ya.ru ymail.com
    zeelandnet.nl ziggo.nl zoho.com zohomail.eu
"""
LARGE_PROVIDERS = frozenset(_LARGE_PROVIDERS.split())
# Reserved for documentation and tests (RFC 2606, RFC 6761): nobody's.
RESERVED_SUFFIXES = {"example", "invalid", "localhost", "test"}
RESERVED_DOMAINS = {"example.com", "example.net", "example.org"}


@lru_cache(maxsize=4096)
def find_small_domain(domain: str) -> str | None:
    """Return the registrable domain of a domain in ASCII, None if a large provider or nobody is behind it."""
    registrable = get_public_suffixes().privatesuffix(domain) or domain
    name, _, suffix = registrable.partition(".")
    large = registrable in LARGE_PROVIDERS or name in FAMILIES
    reserved = registrable in RESERVED_DOMAINS or suffix.rpartition(".")[2] in RESERVED_SUFFIXES
    return None if large or reserved else registrable
