"""How a system is broken for each alert, what its metrics say then, and which alerts fire."""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import redis

AGE_WAITING = """
    UPDATE deliveries SET created_at = created_at - interval '2 minutes'
    WHERE queue = 'confirmations' AND state IN ('due', 'sending', 'deferred')
"""
MISCOUNT = """
    INSERT INTO petition_counts (petition_id, slot, people, organisations, paper) SELECT id, 0, 3, 0, 0 FROM petitions
    ON CONFLICT (petition_id, slot) DO UPDATE SET people = petition_counts.people + 3
"""
# No email can be composed in a language that does not exist.
SPOIL_NEW_SIGNATURES = """
    CREATE FUNCTION spoil_language() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.locale := 'zz'; RETURN NEW; END $$;
    CREATE TRIGGER spoil_language BEFORE INSERT ON signatures FOR EACH ROW EXECUTE FUNCTION spoil_language()
"""
REPAIR_SIGNATURES = """
    DROP TRIGGER spoil_language ON signatures;
    DROP FUNCTION spoil_language();
    UPDATE signatures SET locale = 'en' WHERE locale = 'zz'
"""
# Of a receiver that nobody can reach (RFC 2606), which has not answered three times.
ADD_ENDPOINT = """
    INSERT INTO webhook_endpoints (url, events, state, secret, id_key, created_by, failures, backoff_until)
    VALUES ('https://crm.invalid/hook', '{}', 'active', 'whsec_AAAA', '', 'alix@example.org', 3,
            now() + interval '1 hour');
"""
ADD_EVENT = """
    INSERT INTO webhook_events (endpoint_id, type, data, occurred_at, state, attempts, answer, next_attempt_at)
    SELECT id, 'webhook.test', '{{}}', now(), '{state}', 3, 'timeout', now() + interval '1 hour' FROM webhook_endpoints
"""
ADD_TOKEN = """
    INSERT INTO api_tokens (account_id, name, beginning, token_hash, scopes, expires_at, last_used_at)
    SELECT id, 'newsletter', 'pt_', 'hash', '{}', now() + interval '3 days', now() FROM accounts LIMIT 1
"""
NO_MAIL = {"MailStuck", "MailSlow", "ConfirmationsDelayed", "NoConfirmationsSent"}


@dataclass(frozen=True)
class Scenario:
    """One trouble. `alert`: whose section of the runbook is typed, if any; `alerts`: those that fire in it.

    `shows`: whether metrics show the trouble; `ages`: whether those who wait are made to have waited for two minutes.
    `repair`: what is repaired outside of the system, after the first command. `minutes`: of trouble until they fire.
    """

    name: str
    alert: str | None
    alerts: frozenset[str]
    broken: Callable
    shows: Callable
    repair: Callable = lambda stack: None
    ages: bool = False
    minutes: int = 78


def end(part):
    return lambda stack: stack.end(part, signal.SIGKILL)


def run_sql(query):
    return lambda stack: stack.execute(query)


def set_reply(stage, reply):
    return lambda stack: stack.mail_server.behaviours.update({stage: reply})


def clear_replies(stack):
    stack.mail_server.behaviours.clear()


def refuse_some(answer):
    """Refuse one address in ten, from now on."""

    def begin(stack):
        stack.mail_server.on_rcpt = lambda address: answer if address.partition("@")[0].endswith("0") else None

    return begin


def refuse_domain(domain, answer):
    """Refuse every address of a domain, from now on."""

    def begin(stack):
        stack.mail_server.on_rcpt = lambda address: answer if address.endswith(f"@{domain}") else None

    return begin


def accept_all(stack):
    stack.mail_server.on_rcpt = lambda address: None


def stop_mail_server(stack):
    stack.mail_server.controller.stop()


def start_mail_server(stack):
    stack.mail_server.start(stack.mail_server.port)


def stop_broker(stack):
    stack.valkey.process.kill()
    stack.valkey.process.wait(120)


def let_broker_evict(stack):
    with redis.Redis.from_url(stack.valkey.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")


def slow_down(stack):
    stack.mail_server.delay, stack.signers.rate = 2.0, 6


def speed_up(stack):
    stack.mail_server.delay, stack.signers.rate = 0, 2


def pause(stack):
    assert stack.petition("queue", "pause", "confirmations", "--reason", "the provider asked").returncode == 0


def drift(stack):
    stack.execute(MISCOUNT)
    assert stack.petition("queue", "reconcile").returncode == 0


class Blocker:
    """Locks the counters' table again and again, until it is to stop."""

    def __init__(self):
        self._over, self._thread = threading.Event(), None

    def start(self, stack):
        url = stack.postgres.url.replace("postgresql+psycopg://", "postgresql://")

        def run():
            with psycopg.connect(url) as connection:
                while not self._over.is_set():
                    connection.execute("LOCK TABLE petition_counts IN ACCESS EXCLUSIVE MODE")
                    self._over.wait(2.5)
                    connection.commit()
                    self._over.wait(0.1)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self, _stack):
        self._over.set()
        self._thread.join()


blocker = Blocker()


def scenario(name, alert, alerts, broken, shows, repair=lambda stack: None, **more):
    return Scenario(name, alert, frozenset(alerts), broken, shows, repair, **more)


def value(name, **labels):
    key = name + "{" + ",".join(f'{label}="{labels[label]}"' for label in sorted(labels)) + "}"
    return lambda metrics: metrics.get(key, 0)


health, throttled = value("petition_health_alarm"), value("petition_mail_server_throttled")


def warned(name):
    return value("petition_warning", warning=name)


SCENARIOS = (
    scenario("web gone", "PetitionDown", {"PetitionDown"}, end("web"), lambda m: not m),
    scenario(
        "no worker",
        "QueueWithoutWorker",
        NO_MAIL | {"QueueWithoutWorker"},
        end("worker"),
        lambda m: value("petition_workers", queue="confirmations")(m) == 0,
    ),
    scenario(
        "no worker, late",
        "ConfirmationsDelayed",
        NO_MAIL | {"QueueWithoutWorker"},
        end("worker"),
        lambda m: health(m) == 2,
        ages=True,
    ),
    scenario("no beat", "BeatDown", {"MailSlow", "BeatDown"}, end("beat"), lambda m: value("petition_beat_up")(m) == 0),
    scenario("beat gone, slow", "MailSlow", {"MailSlow", "BeatDown"}, end("beat"), lambda m: health(m) == 1),
    scenario(
        "no broker", "BrokerDown", NO_MAIL | {"BrokerDown"}, stop_broker, lambda m: value("petition_broker_up")(m) == 0
    ),
    scenario(
        "broker may evict",
        "BrokerEvictionPolicy",
        {"MailSlow", "BrokerEvictionPolicy"},
        let_broker_evict,
        value("petition_broker_may_evict"),
    ),
    scenario(
        "mail server gone",
        "MailServerFailing",
        NO_MAIL | {"MailServerFailing", "EmailDeferralRateHigh"},
        stop_mail_server,
        throttled,
        start_mail_server,
        ages=True,
    ),
    scenario(
        "all put off",
        "EmailDeferralRateHigh",
        NO_MAIL | {"EmailDeferralRateHigh"},
        set_reply("RCPT", "451 4.3.0 try again later"),
        health,
        clear_replies,
        ages=True,
    ),
    scenario(
        "nothing accepted",
        "NoConfirmationsSent",
        NO_MAIL | {"EmailDeferralRateHigh"},
        set_reply("DATA", "451 4.3.0 try again later"),
        health,
        clear_replies,
        ages=True,
    ),
    scenario(
        "stuck",
        "MailStuck",
        NO_MAIL | {"EmailDeferralRateHigh"},
        set_reply("RCPT", "451 4.3.2 try again later"),
        health,
        clear_replies,
        ages=True,
    ),
    scenario(
        "refused for good",
        "EmailFailureRateHigh",
        {"MailSlow", "EmailFailureRateHigh"},
        set_reply("RCPT", "550 5.2.2 mailbox full"),
        lambda m: value("petition_failed_total", queue="confirmations", reason="5xx")(m) > 3,
        clear_replies,
    ),
    scenario(
        "unknown outcomes",
        "EmailOutcomeUnknown",
        {"EmailOutcomeUnknown"},
        run_sql(
            "UPDATE deliveries SET state = 'unknown', cause = 'worker died', settled_at = now()"
            " WHERE id IN (SELECT id FROM deliveries WHERE state = 'sent' ORDER BY id LIMIT 3)"
        ),
        lambda m: value("petition_deliveries", queue="confirmations", state="unknown")(m) > 0,
    ),
    scenario(
        "late",
        "ConfirmationLatencyHigh",
        {"ConfirmationLatencyHigh", "MailSlow"},
        slow_down,
        lambda m: value("petition_oldest_waiting_seconds")(m) > 14,
        speed_up,
    ),
    scenario(
        "planned pause",
        "QueuePausedTooLong",
        {"QueuePausedTooLong"},
        pause,
        value("petition_queue_paused", queue="confirmations"),
    ),
    scenario("drift", "StatisticsDrift", {"StatisticsDrift"}, drift, value("petition_drift_total"), minutes=30),
    scenario(
        "not reconciled",
        "ReconciliationOverdue",
        {"ReconciliationOverdue"},
        run_sql("UPDATE probes SET at = now() - interval '3 days' WHERE name = 'reconciliation'"),
        lambda m: value("petition_reconciliation_age_seconds")(m) > 100_000,
    ),
    scenario(
        "errors",
        "WebErrorRateHigh",
        {"WebErrorRateHigh"},
        run_sql("ALTER TABLE petition_counts RENAME TO petition_counts_gone"),
        lambda m: any("petition_http_requests_total" in key and 'status="500"' in key for key in m),
        run_sql("ALTER TABLE petition_counts_gone RENAME TO petition_counts"),
    ),
    scenario(
        "slow pages",
        "WebLatencyHigh",
        {"WebLatencyHigh"},
        blocker.start,
        lambda m: any(
            count > 3
            for key, count in m.items()
            if "petition_http_request_seconds_bucket" in key and "/count" in key and 'le="+Inf"' in key
        ),
        blocker.stop,
    ),
    scenario(
        "provider refuses",
        "ProviderRefuses",
        {"MailSlow", "ProviderRefuses"},
        refuse_domain("d0.example", "450 4.7.1 too many messages from your network, slow down"),
        lambda m: any("petition_provider_refusing" in key and refusing for key, refusing in m.items()),
        accept_all,
    ),
    scenario(
        "not composed",
        "EmailNotComposed",
        {"MailSlow", "EmailNotComposed", "EmailDeferralRateHigh", "NoConfirmationsSent"},
        run_sql(SPOIL_NEW_SIGNATURES),
        lambda m: value("petition_emails_not_composed")(m) > 3,
        run_sql(REPAIR_SIGNATURES),
    ),
    scenario(
        "bounces unread",
        "BounceMailboxUnreadable",
        {"MailSlow", "BounceMailboxUnreadable"},
        run_sql(
            "INSERT INTO bounce_mailbox_state (id, problem, response, since)"
            " VALUES (1, 'login', 'LOGIN failed', now() - interval '1 hour')"
        ),
        lambda m: "petition_bounce_mailbox_up{}" in m,
        run_sql("DELETE FROM bounce_mailbox_state"),
    ),
    scenario(
        "failed sign-ins",
        "SignInFailures",
        {"SignInFailures"},
        run_sql(
            "INSERT INTO sign_in_attempts (subject, network, failed)"
            " SELECT 'subject', 'network', true FROM generate_series(1, 40)"
        ),
        warned("SignInFailures"),
        run_sql("DELETE FROM sign_in_attempts"),
    ),
    scenario(
        "cluster",
        "SignatureCluster",
        {"SignatureCluster"},
        run_sql("UPDATE signatures SET network = 'network'"),
        warned("SignatureCluster"),
        run_sql("UPDATE signatures SET network = NULL"),
    ),
    scenario(
        "beyond budget",
        "EmailsBeyondBudget",
        {"EmailsBeyondBudget"},
        run_sql(
            "INSERT INTO minute_rollups (minute, subject, queue, state, reason, bucket, n)"
            " VALUES (date_trunc('minute', now()), 'delivery', 'confirmations', 'failed', 'budget', -1, 30)"
        ),
        warned("EmailsBeyondBudget"),
        run_sql("DELETE FROM minute_rollups WHERE reason = 'budget'"),
    ),
    scenario(
        "certificate ends",
        "CertificateExpiring",
        {"CertificateExpiring"},
        run_sql(
            "INSERT INTO probes (name, ok, response, milliseconds, value)"
            " VALUES ('site certificate', true, '', 0, extract(epoch FROM now()) + 86400)"
        ),
        warned("CertificateExpiring"),
        run_sql("DELETE FROM probes WHERE name = 'site certificate'"),
    ),
    scenario(
        "disk full",
        "DiskAlmostFull",
        {"DiskAlmostFull"},
        run_sql(
            "INSERT INTO probes (name, ok, response, milliseconds, value) VALUES ('disk', false, 'host:/', 0, 1000)"
            " ON CONFLICT (name) DO UPDATE SET ok = false, value = 1000, at = now()"
        ),
        warned("DiskAlmostFull"),
        run_sql("DELETE FROM probes WHERE name = 'disk'"),
    ),
    scenario(
        "attacked",
        "PetitionAttacked",
        {"PetitionAttacked"},
        run_sql("UPDATE petitions SET attacked_since = now(), attacked_until = now() + interval '1 hour'"),
        warned("PetitionAttacked"),
        run_sql("UPDATE petitions SET attacked_until = now()"),
    ),
    scenario(
        "receiver gone",
        "WebhooksDelayed",
        {"WebhooksDelayed"},
        run_sql(ADD_ENDPOINT + ADD_EVENT.format(state="due")),
        warned("WebhooksDelayed"),
        run_sql("DELETE FROM webhook_endpoints"),
    ),
    scenario(
        "events given up",
        "WebhooksGivenUp",
        {"WebhooksGivenUp"},
        run_sql(ADD_ENDPOINT + ADD_EVENT.format(state="failed")),
        value("petition_webhook_events", state="failed"),
        run_sql("DELETE FROM webhook_endpoints"),
    ),
    scenario(
        "sign-in provider gone",
        "SignInProviderUnreachable",
        {"SignInProviderUnreachable"},
        run_sql(
            "INSERT INTO probes (name, ok, response, milliseconds, value)"
            " VALUES ('sign-in provider', false, 'it does not answer (ConnectTimeout)', 5000, 2)"
        ),
        warned("SignInProviderUnreachable"),
        run_sql("DELETE FROM probes WHERE name = 'sign-in provider'"),
    ),
    scenario(
        "token ends",
        "ApiTokenExpiring",
        {"ApiTokenExpiring"},
        run_sql(ADD_TOKEN),
        warned("ApiTokenExpiring"),
        run_sql("DELETE FROM api_tokens"),
    ),
    scenario(
        "full mailboxes",
        None,
        set(),
        refuse_some("452 4.2.2 mailbox full"),
        lambda m: value("petition_deferred_total", queue="confirmations", reason="4xx")(m) > 2,
        accept_all,
        ages=True,
    ),
)
