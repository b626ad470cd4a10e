import re
from pathlib import Path

import pytest
from support.settings import environment

from config import SETTINGS, Config
from petition.core.settings.checks import BadSetting
from petition.core.settings.parsers import TEAM_ROLE_NAMES
from petition.team.models import TEAM_ROLES

VALID_SETTINGS = environment(
    "postgresql://somebody:s3cret@localhost/petition", "redis://:hush@localhost:6379/0", PETITION_EMBEDDED="0"
)
README = Path(__file__).parents[1] / "README.md"


def test_valid_settings_are_read():
    config = Config(VALID_SETTINGS)
    assert config.DATABASE_URL.startswith("postgresql+psycopg://")
    assert config.BROKER_URL == config.REDIS_URL
    assert config.CONFIRM_WITHIN == 14


@pytest.mark.parametrize("url", ["sentinel://h:26379,i:26379,[::1]:1/name", "sentinel://u:p@h/name/2"])
def test_sentinels_are_given_by_one_url(url):
    config = Config({**VALID_SETTINGS, "REDIS_URL": url})
    assert url == config.BROKER_URL == config.REDIS_URL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PETITION_NO_SUCH", "1"),
        ("MAIL_SEVER", "localhost"),
        ("DATABASE_URL", "mysql://u:s3cret@h/d"),
        ("DATABASE_URL", "postgresql://u:s3cret@h:notaport/d"),
        ("REDIS_URL", "s3cret"),
        ("BROKER_URL", "http://u:s3cret@h"),
        ("REDIS_URL", "amqp://u:s3cret@h"),
        ("REDIS_URL", "unix:///s3cret"),  # Celery supports no such broker
        ("REDIS_URL", "sentinel://:s3cret@h:26379,i:26379"),
        ("REDIS_URL", "sentinel://:s3cret@h:26379,i:port/name"),
        ("BROKER_URL", "sentinel://:s3cret@h:26379,/name"),
        ("SECRET_KEY", "s3cret"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY_FALLBACKS", "s3cret"),
        ("PUBLIC_URL", "petition.example.org"),
        ("PROXY_COUNT", "many"),
        ("CONFIRM_WITHIN", "0"),
        ("PETITION_LAB_DOMAINS", "s3cret@test"),
        ("PROXY_COUNT", "-1"),
        ("PROXY_COUNT", "1_0"),
        ("MAIL_PORT", "99999"),
        ("MAIL_PORT", "0"),
        ("MAIL_PORT", "25.0"),
        ("MAIL_PORT", "２５"),
        ("MAIL_TIMEOUT", "0"),
        ("MAIL_MAX_EMAILS", "0"),
        ("PETITION_POOL_SIZE", "0"),
        ("PETITION_MAILBOX_LIMIT", "0/day"),
        ("PETITION_STUCK_AFTER", "5"),  # before it is slow
        ("PUBLIC_URL", "https://user:s3cret@example.org"),
        ("PUBLIC_URL", "https://example.org?s3cret"),
        ("MAIL_DEFAULT_SENDER", "petition@example.org, s3cret@example.org"),
        ("MAIL_DEFAULT_SENDER", "pétition@example.org"),
        ("MAIL_DEFAULT_SENDER", "p" * 65 + "@example.org"),
        ("MAIL_USE_TLS", "perhaps"),
        ("MAIL_DEFAULT_SENDER", ""),
        ("PETITION_SIGN_LIMIT", "30"),
        ("PETITION_SIGN_LIMIT", "thirty/minute"),
        ("PETITION_CACHE_TTL", "-1"),
        ("PETITION_CACHE_TTL", "nan"),
        ("PETITION_SLOW_AFTER", "0"),
        ("PETITION_LOG_LEVEL", "LOUD"),
        ("PETITION_DKIM_KEY", "-----BEGIN s3cret-----"),
        ("PETITION_DKIM_SELECTOR", "s3cret._domainkey"),
        ("MAIL_SERVER", "smtp://s3cret"),
        ("MAIL_SERVER", "s3cret:587"),
        ("MAIL_DEFAULT_SENDER", "s3cretaddress"),
        ("MAIL_DEFAULT_SENDER", "A s3cret@two words"),
        ("PUBLIC_URL", "https://example.org/s3cret"),
        ("PETITION_BOUNCE_MAILBOX", "imap://bounces@mail.example.org"),
        ("PETITION_METRICS_ALLOW", "s3cret/8"),
        ("PETITION_METRICS_TOKEN", "s3cret\nX-Header: 1"),
    ],
)
def test_bad_setting_is_named_in_one_line_without_its_secret(name, value):
    with pytest.raises(BadSetting) as raised:
        Config({**VALID_SETTINGS, name: value})
    line = str(raised.value)
    assert line.startswith(name)
    assert "\n" not in line
    assert "s3cret" not in line


def test_secret_is_read_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("k" * 40 + "\n")
    environ = {**VALID_SETTINGS, "SECRET_KEY_FILE": str(file)}
    del environ["SECRET_KEY"]
    assert Config(environ).SECRET_KEY == "k" * 40
    with pytest.raises(BadSetting, match="SECRET_KEY_FILE cannot be read"):
        Config({**environ, "SECRET_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(BadSetting, match="both set"):
        Config({**environ, "SECRET_KEY": "k" * 40})


@pytest.mark.parametrize(
    ("name", "hint"),
    [("PETITION_CACHE_TLT", "did you mean PETITION_CACHE_TTL?"), ("MAIL_SEVER", "did you mean MAIL_SERVER?")],
)
def test_unknown_setting_suggests_the_closest_name(name, hint):
    with pytest.raises(BadSetting, match=re.escape(hint)):
        Config({**VALID_SETTINGS, name: "1"})


def test_variables_of_other_programs_are_ignored():
    assert Config({**VALID_SETTINGS, "MAIL_HOST": "elsewhere", "PATH": "/bin"}).MAIL_SERVER == "127.0.0.1"


def test_lists_are_separated_by_commas_or_spaces():
    config = Config(
        {**VALID_SETTINGS, "PETITION_METRICS_ALLOW": "10.0.0.0/8, ::1/128", "PETITION_SIGN_LIMIT": "3/minute 9/hour"}
    )
    assert [str(network) for network in config.PETITION_METRICS_ALLOW] == ["10.0.0.0/8", "::1/128"]
    assert config.PETITION_SIGN_LIMIT == ["3/minute", "9/hour"]


def test_empty_value_counts_as_unset():
    assert Config({**VALID_SETTINGS, "CONFIRM_WITHIN": ""}).CONFIRM_WITHIN == 14


def test_readme_lists_every_setting_with_its_unit_and_purpose():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| .*? ?\| (.*?) \|$", README.read_text(encoding="utf-8"), re.M)
    public = [setting for setting in SETTINGS if not setting.purpose.endswith("set by `petition up`")]
    expected = {(s.name, s.unit, s.purpose + (" (secret)" if s.secret else "")) for s in public}
    assert set(rows) == expected


@pytest.mark.parametrize(
    ("host", "allowed"), [("localhost", True), ("[::1]", True), ("127.0.0.2", True), ("mail.example.org", False)]
)
def test_certificate_of_the_bounce_mailbox_is_left_out_on_this_host_only(host, allowed):
    given = {"PETITION_BOUNCE_MAILBOX": f"imaps://b@{host}/INBOX", "PETITION_BOUNCE_MAILBOX_INSECURE": "true"}
    if allowed:
        assert Config({**VALID_SETTINGS, **given}).PETITION_BOUNCE_MAILBOX_INSECURE
        return
    with pytest.raises(BadSetting, match=r"PETITION_BOUNCE_MAILBOX_INSECURE .*: set PETITION_BOUNCE_MAILBOX_CA"):
        Config({**VALID_SETTINGS, **given})


ISSUER = {"PETITION_OIDC_ISSUER": "https://id.example.org/realm", "PETITION_OIDC_CLIENT_ID": "petition"}


def test_roles_of_the_sign_in_provider_are_read():
    roles = "admin=board, campaigner=press,sender=press, operator=it people"
    config = Config({**VALID_SETTINGS, **ISSUER, "PETITION_OIDC_ROLES": roles, "PETITION_OIDC_REQUIRED_CLAIM": "a = b"})
    expected = {"board": {"admin"}, "press": {"campaigner", "sender"}, "it people": {"operator"}}
    assert (expected, ("a", "b")) == (config.PETITION_OIDC_ROLES, config.PETITION_OIDC_REQUIRED_CLAIM)
    assert set(TEAM_ROLE_NAMES) == set(TEAM_ROLES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PETITION_OIDC_ISSUER": "http://id.example.org"}, "must be https"),
        ({"PETITION_OIDC_CLIENT_ID": ""}, "PETITION_OIDC_CLIENT_ID is not set"),
        ({"PETITION_OIDC_ISSUER": ""}, "PETITION_OIDC_ISSUER is not set"),
        ({"PETITION_OIDC_ROLES": "owner=board"}, "a list such as admin=board"),
        ({"PETITION_OIDC_ROLES": "admin"}, "a list such as admin=board"),
        ({"PETITION_OIDC_REQUIRED_CLAIM": "department"}, "department=campaigns"),
    ],
)
def test_settings_of_the_sign_in_provider_that_cannot_be_used(settings, message):
    with pytest.raises(BadSetting, match=message):
        Config({**VALID_SETTINGS, **ISSUER, **settings})


def test_sign_in_provider_on_this_host_needs_no_certificate():
    assert Config({**VALID_SETTINGS, **ISSUER, "PETITION_OIDC_ISSUER": "http://127.0.0.1:8080/realms/x"})
