"""Providers on /ops/ and by command: seen, limited, tried, resumed, with an audit event each."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from sqlalchemy import func
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.pacing import paces
from petition.delivery.pacing.models import MailDomain, MailProvider
from petition.operations import metrics
from petition.operations.cli.queue import queue
from petition.operations.health.evaluation import evaluate_health, format_check
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.snapshot import read_facts
from petition.team.models import AuditEvent

WORDS = "550 5.7.1 blocked using <b>zen.spamhaus.org</b>"


@pytest.fixture
def refusing(app):
    """Return a provider that is backed off from, and that three emails wait for."""
    petition = make_petition()
    for n in range(3):
        make_signature(petition, email=f"s{n}@wanadoo.fr")
    waiting = {"state": "deferred", "cause": "provider pace", "parked_for": "orange.fr", "domain": "wanadoo.fr"}
    db.session.query(Delivery).update(waiting)
    for n in range(2):
        paces.refuse("orange.fr", n, "reputation", WORDS)
    db.session.commit()
    return "orange.fr"


def provider(name="orange.fr"):
    db.session.expire_all()
    return db.session.get(MailProvider, name)


def audited():
    return [(event.action, event.subject_id) for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_dashboard_and_page_say_who_refuses_us_in_which_words_and_what_to_do(client, refusing):
    sign_in(client, "operator")
    for path in ("/ops/?lang=en", "/ops/providers/?lang=en"):
        page = client.get(path).text
        assert "orange.fr" in page
        assert "blocked using &lt;b&gt;zen.spamhaus.org&lt;/b&gt;" in page
        assert "ask to be taken off" in page
        assert "waiting: no email to this provider for" in page
    assert "ask to be taken off" not in client.get("/ops/providers/?lang=fr").text


def test_health_and_metrics_say_it_and_no_small_domain_is_a_label(client, refusing):
    facts = read_facts()
    assert [(each.name, each.waiting, each.reply_class) for each in facts.providers] == [("orange.fr", 3, "reputation")]
    health = evaluate_health(facts, BrokerStats())
    assert health.status != "ok"
    line = format_check(health, facts)
    assert "orange.fr refuses our emails: “550 5.7.1 blocked" in line
    assert "ask to be taken off" in line
    found = metrics.render_metrics().decode()
    assert 'petition_provider_refusing{provider="orange.fr"} 1.0' in found
    assert 'petition_provider_waiting{provider="orange.fr"} 3.0' in found
    db.session.query(MailProvider).update({"name": "dupont-family.org"})
    db.session.query(Delivery).update({"parked_for": "dupont-family.org"})
    db.session.commit()
    found = metrics.render_metrics().decode()
    assert "dupont" not in found
    assert 'petition_provider_refusing{provider="other"} 1.0' in found


def test_two_emails_that_wait_are_no_reason(client, refusing):
    db.session.query(Delivery).filter_by(id=1).update({"state": "sent"})
    db.session.commit()
    assert read_facts().providers == []


def test_operator_tries_a_provider_again_and_then_mails_it_at_full_speed(client, refusing):
    sign_in(client, "operator")
    assert provider().backoff_until > db.session.scalar(func.now())
    assert client.get("/ops/providers/try").status_code in (404, 405)
    assert post_form(client, "/ops/providers/try", provider="orange.fr").status_code == 303
    assert provider().backoff_until <= db.session.scalar(func.now())
    assert post_form(client, "/ops/providers/resume", provider="orange.fr").status_code == 303
    assert provider().state == "flowing"
    assert audited()[-2:] == [("provider.tried", "orange.fr"), ("provider.resumed", "orange.fr")]
    before = audited()
    post_form(client, "/ops/providers/resume", provider="no such <provider>")
    assert audited() == before


def test_limit_is_set_by_any_domain_of_a_provider_and_ended(client, app):
    sign_in(client, "operator", name="Alix")
    db.session.add(
        MailDomain(
            domain="association.org", provider="google.com", expires_at=func.now() + func.make_interval(0, 0, 0, 1)
        )
    )
    db.session.commit()
    form = {"provider": " Association.org ", "per_hour": "1 000", "max_connections": ""}
    assert post_form(client, "/ops/providers/limit", **form).status_code == 303
    found = provider("google.com")
    assert (found.per_hour, found.max_connections, found.set_by) == (1000, None, "Alix")
    assert "at most 1,000 emails an hour" in client.get("/ops/?lang=en").text
    assert post_form(client, "/ops/providers/limit", provider="google.com").status_code == 303
    assert provider("google.com").per_hour is None
    assert audited()[-2:] == [("provider.limited", "google.com")] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("provider", "not a domain"), ("provider", "a" * 300 + ".org"), ("per_hour", "0"), ("per_hour", "many"),
     ("per_hour", "99999999"), ("max_connections", "-1"), ("max_connections", "١")],
)  # fmt: skip
def test_invalid_limit_is_explained_and_nothing_typed_is_lost(client, app, field, value):
    sign_in(client, "operator")
    form = {"provider": "orange.fr", "per_hour": "500", "max_connections": "2"} | {field: value}
    answer = post_form(client, "/ops/providers/limit?lang=en", **form)
    assert answer.status_code == 422
    assert answer.text.count("is-invalid") == 1
    assert all(f'value="{typed[:255]}"' in answer.text for typed in form.values())
    assert db.session.query(MailProvider).count() == 0


def test_commands_say_and_do_the_same(app, refusing):
    def run(*arguments):
        return CliRunner().invoke(queue, arguments, obj=AppProvider(lambda: nullcontext(app)))

    shown = run("providers")
    assert shown.exit_code == 0, shown.output
    assert "orange.fr" in shown.output
    assert "ask to be taken off" in " ".join(shown.output.split())
    (found,) = json.loads(run("providers", "--json").output)
    assert (found["name"], found["state"], found["waiting"]) == ("orange.fr", "backing_off", 3)
    assert "ask to be taken off" in found["remedy"]
    assert json.loads(run("providers", "try", "orange.fr", "--json").output)["tried"]
    limited = run("providers", "limit", "wanadoo.fr", "--per-hour", "500", "--connections", "2")
    assert limited.output == "orange.fr: limits saved.\n"
    assert (provider().per_hour, provider().max_connections) == (500, 2)
    assert run("providers", "limit", "orange.fr", "--per-hour", "x").exit_code == 1
    run("providers", "resume", "orange.fr")
    run("providers", "limit", "orange.fr")
    db.session.query(Delivery).update({"state": "sent"})
    db.session.commit()
    assert "full speed" in run("providers").output
    actions = [action for action, _ in audited()]
    assert actions == ["provider.tried", "provider.limited", "provider.resumed", "provider.limited"]
