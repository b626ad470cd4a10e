"""compose.yaml is consistent: secrets, ports, queues, limits and the commands that it names."""

import re
import shlex
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from support import compose_file

import config
from petition.delivery.queues import QUEUE_NAMES

VARIABLES = dict.fromkeys(compose_file.required_variables(), "value") | {
    "PUBLIC_URL": "https://petition.example.org",
    "MAIL_DEFAULT_SENDER": "petition@example.org",
}
DOCUMENT: dict[str, Any] = compose_file.resolve(compose_file.load_compose(), VARIABLES)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
WORKERS = sorted(name for name in OURS if name.startswith("worker-"))
KNOWN = config.SETTING_NAMES | {f"{name}_FILE" for name in config.SECRET_SETTING_NAMES}
KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging"),
    *("mem_limit", "networks", "pids_limit", "ports", "profiles", "read_only", "restart", "secrets"),
    *("security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")


def command_words(service: str) -> list[str]:
    command = SERVICES[service].get("command", compose_file.parse_image().command)
    return shlex.split(command) if isinstance(command, str) else command


def option(service: str, name: str) -> str:
    command = command_words(service)
    return command[command.index(name) + 1]


def test_only_known_keys_are_used() -> None:
    assert {key for key in DOCUMENT if not key.startswith("x-")} == {
        *("name", "services", "networks", "volumes", "secrets"),
    }
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name


def test_everything_named_is_declared_and_everything_declared_is_used() -> None:
    for kind in ("networks", "secrets"):
        named = set(chain.from_iterable(service.get(kind, []) for service in SERVICES.values()))
        assert named == set(DOCUMENT[kind]), kind
    volumes = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert volumes == set(DOCUMENT["volumes"])
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_waits_only_for_what_can_come(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        check = SERVICES[other].get("healthcheck", {})
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"
        else:
            assert how == {"condition": "service_healthy"}
            assert check.get("test")
        assert set(SERVICES[name]["networks"]) & set(SERVICES[other]["networks"]), f"{name} cannot reach {other}"


def test_whatever_uses_the_schema_waits_for_the_migrations() -> None:
    for name in ("web", "beat", *WORKERS):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert command_words("migrate") == ["petition", "db", "upgrade"]


def test_every_queue_has_one_worker_and_health_check() -> None:
    consumed = [queue for name in WORKERS for queue in option(name, "-Q").split(",")]
    assert sorted(consumed) == sorted(QUEUE_NAMES)
    for name in WORKERS:
        queue = option(name, "-Q")
        assert name == f"worker-{queue}"
        assert option(name, "-n") == f"{queue}@%h"
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "petition", "worker-health", queue]


@pytest.mark.parametrize("name", sorted(set(OURS) - {"flower"}))
def test_the_settings_of_a_service_are_settings(tmp_path: Path, name: str) -> None:
    environment = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
    assert set(environment) <= KNOWN | {"WEB_CONCURRENCY"}  # gunicorn's own
    written = {"secret_key": "k" * 64, "database_url": "postgresql://petition@postgres/petition"}
    for key, value in environment.items():
        if key.endswith("_FILE"):
            secret = value.removeprefix("/run/secrets/")
            assert secret in SERVICES[name]["secrets"]
            (tmp_path / secret).write_text(written.get(secret, ""))
            environment[key] = str(tmp_path / secret)
    assert config.Config(environment)


def test_every_setting_is_passed_on() -> None:
    """Where a setting is new: a secret is a file of the services that use it, the others are in `x-settings`."""
    passed = {key for name in OURS for key in SERVICES[name].get("environment", {})}
    expected = {f"{name}_FILE" if name in config.SECRET_SETTING_NAMES else name for name in config.SETTING_NAMES}
    expected = expected - {"PETITION_EMBEDDED", "PETITION_MAILBOX", "PETITION_READY_DIR", "REDIS_URL_FILE"}
    assert expected - passed == set()


def test_broker_url_is_followed_by_every_service_that_uses_the_broker() -> None:
    for name in ("web", "beat", *WORKERS):
        assert SERVICES[name]["environment"]["BROKER_URL_FILE"] == "/run/secrets/broker_url"
        assert "REDIS_URL" not in str(SERVICES[name].get("healthcheck"))
    assert "cat /run/secrets/broker_url" in SERVICES["flower"]["command"][-1]


def test_the_image_has_the_version_of_the_code_and_of_the_changelog() -> None:
    version = tomllib.loads((compose_file.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"petition:{version}"}
    assert f"git clone --branch v{version} " in (compose_file.ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d\S*)\]", (compose_file.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert released[0] == version


def test_each_service_gets_the_secrets_it_uses_and_no_other() -> None:
    keys = ["secret_key", "secret_key_fallbacks", "database_url", "broker_url"]
    senders = [name for name in WORKERS if name not in ("worker-maintenance", "worker-webhooks")]
    expected = dict.fromkeys(OURS, keys) | {
        name: [*keys, "mail_password", "mail_relays", "dkim_key", "dkim_second_key"] for name in senders
    }
    expected["worker-notifications"] += ["bounces_password", "alert_secret"]
    expected["worker-maintenance"] = [*keys, "count_log_key"]
    expected["web"] = [*keys, "database_replica_url", "metrics_token", "bounces_secret", "oidc_secret"]
    expected |= {"flower": ["flower_basic_auth", "broker_url"], "postgres": ["postgres_password"]}
    assert {name: service["secrets"] for name, service in SERVICES.items() if "secrets" in service} == expected


def test_nothing_secret_is_written_in_the_file_or_has_a_default() -> None:
    assert not {key for service in SERVICES.values() for key in service.get("environment", {})} & (
        config.SECRET_SETTING_NAMES - {"REDIS_URL"}
    )
    for secret in compose_file.load_compose()["secrets"].values():
        assert secret["file"].startswith("${SECRETS_DIR:?")


@pytest.mark.parametrize("name", sorted(compose_file.required_variables()))
def test_a_missing_value_is_refused_with_a_message_that_helps(name: str) -> None:
    message = compose_file.required_variables()[name]
    assert name in message
    without = {key: value for key, value in VARIABLES.items() if key != name}
    with pytest.raises(compose_file.MissingVariable, match=re.escape(message)):
        compose_file.resolve(compose_file.load_compose(), without)


def test_only_web_is_published_and_only_to_the_server_itself() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_the_engines_are_reached_from_the_inside_only() -> None:
    internal = {name for name, network in DOCUMENT["networks"].items() if network.get("internal")}
    for name in ("postgres", "valkey", "migrate", "beat", "worker-maintenance"):
        assert set(SERVICES[name]["networks"]) <= internal, name
    assert "database" not in SERVICES["flower"]["networks"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_confined_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert {"mem_limit", "pids_limit"} <= set(service)
    assert "build" in service or service["user"] not in {"root", "0"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "web"}))
def test_a_lasting_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    for key in ("interval", "timeout", "start_period", "start_interval"):
        assert DURATION.fullmatch(check[key]), key
    assert check["retries"] > 0


def test_web_uses_the_health_check_of_the_image() -> None:
    assert "healthcheck" not in SERVICES["web"]
    assert "command" not in SERVICES["web"]
    assert compose_file.parse_image().health


def test_valkey_keeps_what_it_was_given() -> None:
    assert option("valkey", "--appendonly") == "yes"
    assert option("valkey", "--maxmemory-policy") == "noeviction"


def test_all_processes_together_stay_below_the_connections_of_postgres() -> None:
    image = compose_file.parse_image()
    web = int(image.environment["WEB_CONCURRENCY"]) * int(option("web", "--threads"))
    workers = sum(int(option(name, "--concurrency")) for name in WORKERS)
    spare = 3 + 10  # reserved by PostgreSQL for its superuser; for backups and people
    assert web + workers <= 100 - spare
