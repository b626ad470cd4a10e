"""Check Redis and the broker: reachable, writable, eviction, memory, saving."""

from typing import Any

import redis
from flask import current_app

from petition.core.i18n import N_
from petition.core.redis_client import create_client
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.statistics.broker_stats import read_broker_stats

FULL_SHARE = 0.9  # of `maxmemory`


def check_brokers() -> list[Finding]:
    """Return what is found at REDIS_URL and, where it is another, at BROKER_URL."""
    redis_url, broker_url = current_app.config["REDIS_URL"], current_app.config["BROKER_URL"]
    findings = _check_redis("redis", "REDIS_URL", redis_url, is_broker=redis_url == broker_url)
    if broker_url.startswith("amqp"):
        return [*findings, _check_rabbitmq(broker_url)]
    return (
        findings
        if redis_url == broker_url
        else [*findings, *_check_redis("broker", "BROKER_URL", broker_url, is_broker=True)]
    )


def _check_rabbitmq(url: str) -> Finding:
    error = read_broker_stats(url).error
    if error:
        text, advice = N_("RabbitMQ does not answer (%(error)s)."), N_("Check BROKER_URL, and that RabbitMQ runs.")
        return wrong("broker", text, advice, error=error)
    return ok("broker", N_("RabbitMQ answers."))


def _check_redis(check: str, setting: str, url: str, *, is_broker: bool) -> list[Finding]:
    try:
        client = create_client(url)
        facts: dict[str, Any] = client.info()  # type: ignore[assignment]
    except (redis.RedisError, OSError) as error:
        text = N_("Redis does not answer (%(error)s): signing works without limits, emails are delayed.")
        return [
            wrong(
                check, text, N_("Check %(setting)s, and that Redis runs."), error=type(error).__name__, setting=setting
            )
        ]
    findings = []
    if facts.get("role") not in ("master", None):
        text = N_("%(setting)s leads to a replica, which takes no writes.")
        findings.append(wrong(check, text, N_("Point it to the primary, or use sentinel://."), setting=setting))
    if facts.get("rdb_last_bgsave_status") == "err" or facts.get("aof_last_write_status") == "err":
        text = N_("Redis cannot save to its disk, and so refuses writes.")
        findings.append(
            wrong(check, text, N_('Free disk space on its host, or set `save ""`: nothing in it must last.'))
        )
    if is_broker and facts.get("maxmemory_policy") not in ("noeviction", None):
        text = N_("Redis may evict messages when its memory is full (maxmemory-policy %(policy)s).")
        advice = N_("Set `maxmemory-policy noeviction`.")
        findings.append(warning(check, text, advice, policy=facts["maxmemory_policy"]))
    if facts.get("maxmemory") and facts["used_memory"] > FULL_SHARE * facts["maxmemory"]:
        text = N_("Redis has used nearly all of the memory that it may use.")
        findings.append(warning(check, text, N_("Raise `maxmemory`, or find what fills it: `redis-cli --bigkeys`.")))
    return findings or [ok(check, N_("Redis answers; nothing in it must last."))]
