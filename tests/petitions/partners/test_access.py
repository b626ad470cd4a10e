"""Every page of the team, for the members of partners: each role opens its own petition's pages, and no others."""

import re
import sys

import pytest
from support.factories import make_mailing, make_petition
from support.partners import end_partnership, make_partner, make_partnership, sign_in_member
from support.team_sign_in import csrf_token

from petition.core.db import db
from petition.petitions.partners.models import GRANTS, PARTNER_ROLES, PartnerMember, PartnerRole
from petition.petitions.queries import find_by_slug
from petition.petitions.updates.models import PetitionUpdate
from petition.team.permissions import list_partner_views

# Pages of every account, and of whoever holds a link or reads the public site.
OPEN_RULES = {"public", "holder of the link", "developer", "machine", "token", "team", None}


def list_routes(app):
    """Return (endpoint, method, rule) of every page that is not everybody's."""
    found = []
    for rule in app.url_map.iter_rules():
        blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        access = getattr(sys.modules[blueprint.import_name], "ACCESS", None) if blueprint else None
        if access not in OPEN_RULES:
            found += [(rule.endpoint, method, rule) for method in sorted(rule.methods & {"GET", "POST"})]
    return found


def ask(client, method, rule, values, token=""):
    """Open a page about something; arguments that name nothing of a petition are 1."""
    path = re.sub(
        r"<(?:[^<>:]+:)?(\w+)>", lambda found: str(({"verb": "release"} | values).get(found[1], 1)), rule.rule
    )
    return client.post(path, data={"csrf_token": token}) if method == "POST" else client.get(path)


@pytest.fixture
def shared(app):
    """Return the values of addresses of a petition that a partner shares, and the partner."""
    partner = make_partner()
    return describe(make_petition(), partner), partner


def describe(petition, partner):
    """Return what addresses name of a petition: itself, a partner's mailing to its signers, an update."""
    mailing = make_mailing(petition, partner_id=partner.id if partner else None)
    texts = {"fr": {"title": "Une", "body": "Deux"}}
    update = PetitionUpdate(
        petition_id=petition.id, kind="update", happened_on="2026-11-23", texts=texts, changed_at="2026-11-23"
    )
    db.session.add(update)
    db.session.commit()
    return {"slug": petition.slug, "mailing_id": mailing.id, "update_id": update.id, "change": "close", "name": "days"}


def join(values, partner, role):
    return make_partnership(find_by_slug(values["slug"]), partner, role)


@pytest.mark.parametrize("role", PARTNER_ROLES)
def test_each_role_opens_its_own_pages(app, shared, role):
    values, partner = shared
    client = app.test_client()
    join(values, partner, role)
    sign_in_member(client, partner)
    opened, token = set(), csrf_token(client.get("/account/"))
    for endpoint, method, rule in list_routes(app):
        answer = ask(client, method, rule, values, token)
        asked = list_partner_views().get(endpoint)
        may = asked is not None and role in GRANTS[PartnerRole(asked)]
        assert (answer.status_code == 403) == (not may), (method, rule.rule, answer.status_code)
        assert answer.status_code < 500, rule.rule
        opened |= {endpoint} if may else set()
        db.session.rollback()
    assert opened, role


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_what_is_of_another_petition_does_not_exist(app, shared, role):
    """One that the partner does not share, one that is not there, a mailing of others: one answer, for any role."""
    values, partner = shared
    client = app.test_client()
    join(values, partner, role)
    foreign = describe(make_petition(slug="autre"), make_partner("choir"))
    teams = describe(make_petition(slug="tiers"), None)
    absent = {**foreign, "slug": "absente", "mailing_id": 2**40, "update_id": 2**40}
    sign_in_member(client, partner)
    for endpoint, method, rule in list_routes(app):
        if endpoint in list_partner_views() and rule.arguments & {"slug", "mailing_id"}:
            answers = [ask(client, method, rule, about) for about in (foreign, teams, absent)]
            assert [answer.status_code for answer in answers] == [404] * 3, (method, rule.rule)
            headings = {re.search(r"<h1.*?</h1>", answer.text, re.DOTALL)[0] for answer in answers}
            assert len(headings) == 1, rule.rule


def test_mailing_of_the_team_to_a_shared_petition_does_not_exist(app, shared):
    values, partner = shared
    client = app.test_client()
    partnership = join(values, partner, "owner")
    mailing = make_mailing(partnership.petition)
    sign_in_member(client, partner)
    assert client.get(f"/desk/mailings/{mailing.id}").status_code == 404
    assert client.get(f"/desk/mailings/{values['mailing_id']}").status_code == 200
    assert mailing.name not in client.get("/desk/mailings/").text.replace(
        f'/desk/mailings/{values["mailing_id"]}">{mailing.name}', ""
    )


@pytest.mark.parametrize("how", ["leave", "removed"])
def test_access_ends_at_once_in_open_sessions(app, shared, how):
    values, partner = shared
    client = app.test_client()
    partnership = join(values, partner, "owner")
    account = sign_in_member(client, partner)
    pages = [f"/desk/petitions/{values['slug']}/edit", f"/desk/mailings/{values['mailing_id']}"]
    assert [client.get(page).status_code for page in pages] == [200, 200]
    if how == "leave":
        end_partnership(partnership)
    else:
        db.session.query(PartnerMember).filter_by(account_id=account.id).delete()
        db.session.commit()
    assert [client.get(page).status_code for page in pages] == [403, 403]
    assert values["slug"] not in client.get("/desk/shared").text


def test_member_with_a_role_in_the_team_keeps_it(app, shared):
    values, partner = shared
    client = app.test_client()
    sign_in_member(client, partner, role_names=["campaigner"])
    assert client.get(f"/desk/petitions/{values['slug']}").status_code == 200
    assert client.get("/desk/petitions").status_code == 200


def test_pages_of_a_partner_lead_nowhere_it_may_not_go(app, shared):
    values, partner = shared
    client = app.test_client()
    join(values, partner, "owner")
    sign_in_member(client, partner)
    seen = {}
    for page in ("/desk/shared", f"/desk/petitions/{values['slug']}", f"/desk/petitions/{values['slug']}/campaign",
                 f"/desk/petitions/{values['slug']}/updates", f"/desk/petitions/{values['slug']}/edit",
                 "/desk/mailings/", f"/desk/mailings/{values['mailing_id']}", "/desk/mailings/new"):  # fmt: skip
        answer = client.get(page)
        assert answer.status_code == 200, page
        seen |= dict.fromkeys(re.findall(r'href="(/(?:desk|account|ops)[^"#]*)"', answer.text), page)
    assert seen
    for link, page in seen.items():
        status = client.get(link.replace("&amp;", "&")).status_code
        assert status in (200, 302, 303), (link, page, status)
