from datetime import timedelta

import pytest
from sqlalchemy import func

from petition.core.db import db
from petition.delivery.pacing import providers
from petition.delivery.pacing.actions import delete_old
from petition.delivery.pacing.models import MailDomain
from petition.delivery.pacing.providers import find_providers

SERVERS = {
    "orange.fr": "smtp-in.orange.fr",
    "wanadoo.fr": "smtp-in.orange.fr",
    "association.org": "aspmx.l.google.com",
    "gmail.com": "gmail-smtp-in.l.google.com",
    "lycee.co.uk": "mx.mail.lycee.co.uk",
}


class Lookup:
    def __init__(self):
        self.asked = []

    def find_mail_servers(self, domains):
        self.asked += domains
        return {domain: SERVERS[domain] for domain in domains if domain in SERVERS}


@pytest.fixture
def lookup(app, monkeypatch):
    lookup = Lookup()
    monkeypatch.setitem(app.extensions, "petition.mx_lookup", lookup)
    return lookup


def test_domains_whose_mail_one_organisation_receives_are_one_provider(lookup):
    assert find_providers(SERVERS) == {
        "orange.fr": "orange.fr",
        "wanadoo.fr": "orange.fr",
        "association.org": "google.com",
        "gmail.com": "google.com",
        "lycee.co.uk": "lycee.co.uk",
    }


def test_answers_are_kept_in_the_database_until_they_expire(lookup):
    find_providers(["orange.fr", "silent.org"])
    providers.forget()
    find_providers(["orange.fr", "silent.org"])
    assert sorted(lookup.asked) == ["orange.fr", "silent.org"]
    left = dict(db.session.query(MailDomain.domain, MailDomain.expires_at - func.now()).all())
    assert left["silent.org"] < timedelta(minutes=11) < timedelta(hours=23) < left["orange.fr"]
    db.session.query(MailDomain).filter_by(domain="silent.org").update({"expires_at": func.now()})
    db.session.commit()
    providers.forget()
    find_providers(["orange.fr", "silent.org"])
    assert sorted(lookup.asked) == ["orange.fr", "silent.org", "silent.org"]
    db.session.query(MailDomain).update({"expires_at": func.now() - timedelta(seconds=1)})
    delete_old()
    assert db.session.query(MailDomain).count() == 0


@pytest.mark.parametrize(
    ("domain", "provider"),
    [("wanadoo.fr", "orange.fr"), ("yahoo.co.uk", "yahoodns.net"), ("me.campagne.org", "me.campagne.org"),
     ("silent.org", "silent.org")],
)  # fmt: skip
def test_domain_without_an_answer_is_of_its_family_or_its_own_provider(lookup, monkeypatch, domain, provider):
    monkeypatch.setitem(SERVERS, "wanadoo.fr", "")
    monkeypatch.setattr(lookup, "find_mail_servers", lambda domains: {})
    assert find_providers([domain]) == {domain: provider}


def test_name_servers_that_are_silent_are_not_asked_for_a_while(lookup, monkeypatch):
    find_providers(["silent.org"])
    find_providers(["other.org"])
    assert lookup.asked == ["silent.org"]


def test_reserved_domains_are_asked_of_nobody(lookup):
    assert find_providers(["example.org", "a.test"]) == {"example.org": "example.org", "a.test": "a.test"}
    assert lookup.asked == []
