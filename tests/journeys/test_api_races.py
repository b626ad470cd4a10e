"""Programs that act at once over HTTP: one wins, the others get a conflict, nothing happens twice, none fails."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.api_tokens import make_token
from support.factories import make_mailing, make_petition
from support.mailings import list_deliveries, make_consenting_signature, make_started_mailing, record_sent_tests

from petition.core.db import db
from petition.mailings import actions
from petition.mailings.models import Mailing, MailingState
from petition.petitions.models import Petition
from petition.team.api_tokens import tokens

pytestmark = [pytest.mark.slow, pytest.mark.journey]
ROUNDS = 5


@pytest.fixture
def site(app, app_processes):
    app_processes.web()
    return app_processes.site


def at_once(site, *requests):
    """Send requests, each (headers, method, path, body), at the same moment; return their statuses in order."""
    barrier = Barrier(len(requests), timeout=120)

    def send(request):
        headers, method, path, body = request
        barrier.wait()
        return site.request(method, path, body=body, **headers).status

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def renew():
    """See what others committed."""
    db.session.rollback()
    db.session.expire_all()


def test_of_changes_to_one_version_one_is_made(site):
    make_petition()
    mailing = make_mailing(db.session.query(Petition).one())
    _, headers = make_token("petitions:manage", "mailings:manage")
    for path in ("/api/v1/desk/petitions/jardin", f"/api/v1/mailings/{mailing.id}/draft"):
        for number in range(ROUNDS):
            version = site.request("GET", path, **headers).json["version"]
            bodies = [{"version": version, "name": f"Try {number} {n}"} for n in range(4)]
            if "petitions" in path:
                bodies = [{"version": version, "fields": {"fr.title": f"Titre {number} {n}"}} for n in range(4)]
            found = at_once(site, *((headers, "PATCH", path, body) for body in bodies))
            assert sorted(found) == [200, 409, 409, 409]
            assert site.request("GET", path, **headers).json["version"] == version + 1


def test_a_mailing_is_resumed_and_cancelled_at_once(site):
    petition = make_petition()
    for name in "abcdef":
        make_consenting_signature(petition, f"{name}@example.org")
    mailing = make_started_mailing(petition)
    rows = len(list_deliveries())
    actions.pause(mailing, "wait")
    db.session.commit()
    _, headers = make_token("mailings:manage")
    path = f"/api/v1/mailings/{mailing.id}/actions"
    wanted = ("resume", "cancel", "resume", "cancel", "add-recipients", "pause")
    found = at_once(site, *((headers, "POST", path, {"action": action}) for action in wanted))
    assert set(found) <= {200, 409}
    assert sorted(found[1::2][:2]) == [200, 409], "it is cancelled once"
    renew()
    assert db.session.get(Mailing, mailing.id).state == MailingState.CANCELLED
    assert len(list_deliveries()) == rows


def test_a_mailing_is_scheduled_once(site):
    petition = make_petition()
    make_consenting_signature(petition, "a@example.org")
    mailing = make_mailing(petition)
    mailing.state = MailingState.TESTED
    record_sent_tests(mailing)
    db.session.commit()
    _, headers = make_token("mailings:manage")
    path = f"/api/v1/mailings/{mailing.id}/actions"
    found = at_once(site, *[(headers, "POST", path, {"action": "schedule"})] * 4)
    assert sorted(found) == [200, 409, 409, 409]
    assert db.session.query(Mailing).count() == 1


def test_a_token_that_is_revoked_meanwhile_does_no_more(site):
    make_petition()
    token, headers = make_token("petitions:manage")

    def revoke():
        tokens.revoke(token.account, token.id)
        db.session.commit()

    read = (headers, "GET", "/api/v1/desk/petitions/jardin", None)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(at_once, site, *[read] * 8)
        revoke()
        assert set(running.result()) <= {200, 401}
    assert at_once(site, *[read] * 4) == [401] * 4
