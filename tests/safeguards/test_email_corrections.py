"""Corrections of mistyped addresses: real domains are trusted, slips are questioned, accents are offered as ASCII."""

import pytest

from petition.safeguards.email_addresses import parse_email_address
from petition.safeguards.email_corrections import suggest_correction

# Domains with mailboxes of Belgium, Switzerland, Canada, France overseas, Germany, Spain, Italy and the United
# Kingdom, and those of associations, universities and companies near to a provider's name.
REAL_DOMAINS = """
hotmail.be live.be outlook.be yahoo.be msn.be skynet.be telenet.be proximus.be scarlet.be voo.be orange.be gmx.be
brutele.be belgacom.net edpnet.be base.be pandora.be numericable.be
hotmail.ch live.ch yahoo.ch bluewin.ch sunrise.ch gmx.ch hispeed.ch vtxnet.ch orange.ch protonmail.ch proton.ch
swissonline.ch netplus.ch romandie.com freesurf.ch vtx.ch
hotmail.ca live.ca yahoo.ca videotron.ca sympatico.ca bell.net rogers.com telus.net shaw.ca outlook.ca aol.ca msn.ca
cgocable.ca oricom.ca globetrotter.net
orange.re sfr.re only.fr wanadoo.re orange.gp orange.mq sfr.gp mediaserv.net canl.nc lagoon.nc mls.nc offratel.nc
mail.pf
hotmail.de live.de outlook.de yahoo.de gmx.de gmx.net web.de t-online.de freenet.de arcor.de aol.de icloud.de posteo.de
mailbox.org gmx.at
hotmail.es live.es outlook.es yahoo.es orange.es wanadoo.es telefonica.net terra.es ono.com gmx.es movistar.es
hotmail.it live.it outlook.it yahoo.it libero.it tiscali.it virgilio.it alice.it tin.it tim.it fastwebnet.it aol.it
hotmail.co.uk live.co.uk yahoo.co.uk outlook.co.uk btinternet.com ntlworld.com virginmedia.com sky.com talktalk.net
aol.co.uk gmx.co.uk blueyonder.co.uk tiscali.co.uk wanadoo.co.uk
gmail.com googlemail.com mail.com email.com ymail.com rocketmail.com gmx.com gmx.fr me.com mac.com icloud.com live.com
orange.fr orange.com free.fr free.com sfr.fr sfc.fr fee.fr neuf.fr bbox.fr cegetel.net club-internet.fr aliceadsl.fr
dbmail.com 9online.fr tele2.fr nordnet.fr noos.fr libertysurf.fr voila.fr laposte.net ac-paris.fr ac-lyon.fr
cimade.org genepi.fr oip.org ldh-france.org life.fr love.fr olive.fr fret.fr lime.fr grange.fr range.fr example.org
"""

TYPOS = """
gmial.com=gmail.com gmai.com=gmail.com gmal.com=gmail.com gamil.com=gmail.com gnail.com=gmail.com gmaill.com=gmail.com
gmail.co=gmail.com gmail.cm=gmail.com gmail.con=gmail.com gmail.cmo=gmail.com gmail.fr=gmail.com gmail.comm=gmail.com
gmail.vom=gmail.com gmil.com=gmail.com gmaio.com=gmail.com gmial.fr=gmail.com gemail.com=gmail.com
hotmial.fr=hotmail.fr hotmal.fr=hotmail.fr hotmai.com=hotmail.com homail.fr=hotmail.fr hotmaill.com=hotmail.com
hotmail.fe=hotmail.fr hotmial.be=hotmail.be hotmil.co.uk=hotmail.co.uk hotmail.con=hotmail.com hotmail.co=hotmail.com
ornage.fr=orange.fr orang.fr=orange.fr oragne.fr=orange.fr orange.fe=orange.fr oange.fr=orange.fr
wanado.fr=wanadoo.fr wandoo.fr=wanadoo.fr wannadoo.fr=wanadoo.fr fre.fr=free.fr freee.fr=free.fr
lapsote.net=laposte.net laposte.fr=laposte.net lapost.net=laposte.net laposte.ent=laposte.net
sfr.f=sfr.fr srf.fr=sfr.fr yaho.fr=yahoo.fr yahooo.fr=yahoo.fr yhaoo.com=yahoo.com yaho.ca=yahoo.ca
outlok.fr=outlook.fr outllok.com=outlook.com oulook.fr=outlook.fr icoud.com=icloud.com iclod.com=icloud.com
bluwin.ch=bluewin.ch protonmial.com=protonmail.com skynt.be=skynet.be videtron.ca=videotron.ca
"""


def test_the_lists_are_long_enough():
    assert len(set(REAL_DOMAINS.split())) >= 100
    assert len(set(TYPOS.split())) >= 40


def test_an_endless_address_takes_no_time_and_gets_no_suggestion():
    assert suggest_correction("a@" + " " * 60_000 + "x") is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("marie@free,fr", "marie@free.fr"), ("marie@free..fr", "marie@free.fr"), ("marie@free .fr", "marie@free.fr"),
     ("marie@free.fr.", "marie@free.fr"), ("marie@free.fr", None)],
)  # fmt: skip
def test_a_comma_or_a_dot_too_many_is_corrected(typed, meant):
    assert suggest_correction(typed) == meant


@pytest.mark.parametrize("domain", REAL_DOMAINS.split())
def test_real_domain_is_not_corrected(domain):
    assert suggest_correction(f"zoe@{domain}") is None
    assert suggest_correction(f"Zoe@{domain.upper()}") is None


@pytest.mark.parametrize("pair", TYPOS.split())
def test_mistyped_domain_is_corrected(pair):
    typed, meant = pair.split("=")
    assert suggest_correction(f"zoe@{typed}") == f"zoe@{meant}"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("hélène@orange.fr", "helene@orange.fr"),
        ("d’artagnan@free.fr", "d'artagnan@free.fr"),
        ("sœur.noëlle@laposte.net", "soeur.noelle@laposte.net"),
        ("jean–luc@hotmail.be", "jean-luc@hotmail.be"),
        ("straße@gmx.de", "strasse@gmx.de"),
        ("hélène@gmial.com", "helene@gmail.com"),
        ("Ｚoe@gmail.com", "Zoe@gmail.com"),
    ],
)
def test_name_with_accents_is_questioned_where_only_ascii_is_given(typed, offered):
    assert suggest_correction(typed) == offered


@pytest.mark.parametrize("typed", ["hélène@association.example", "елена@gmail.com", "zoe", "zoe@", "@orange.fr", ""])
def test_nothing_is_offered_where_nothing_is_known(typed):
    assert suggest_correction(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        "\ufeffzoe@orange.fr", "zoe@orange.fr\u200b", "zoe\u00ad@orange.fr", "zoe@\u200borange.fr",
        "\u202azoe@orange.fr\u202c",
        "\u00a0zoe@orange.fr\u202f", "zoe@orange\u2060.fr", "zoe\u00a0@orange.fr", "\u200ezoe@orange.fr\u200f",
    ],
)  # fmt: skip
def test_invisible_characters_are_stripped(app, typed):
    assert suggest_correction(typed) is None
    address = parse_email_address(typed)
    assert (address.typed, address.canonical) == ("zoe@orange.fr", "zoe@orange.fr")
