import re
from pathlib import Path

import pytest
from support.settings import environment

from config import SETTINGS, BadSetting, Config

VALID_SETTINGS = environment(
    "postgresql://somebody:s3cret@localhost/petition", "redis://:hush@localhost:6379/0", PETITION_EMBEDDED="0"
)
README = Path(__file__).parents[2] / "README.md"


def test_sound_settings_are_taken():
    config = Config(VALID_SETTINGS)
    assert config.DATABASE_URL.startswith("postgresql+psycopg://")
    assert config.BROKER_URL == config.REDIS_URL
    assert config.CONFIRM_WITHIN == 14


@pytest.mark.parametrize("url", ["sentinel://h:26379,i:26379,[::1]:1/name", "sentinel://u:p@h/name/2"])
def test_sentinels_are_named_by_one_url(url):
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
        ("REDIS_URL", "unix:///s3cret"),  # Celery knows no such broker
        ("REDIS_URL", "sentinel://:s3cret@h:26379,i:26379"),
        ("REDIS_URL", "sentinel://:s3cret@h:26379,i:port/name"),
        ("BROKER_URL", "sentinel://:s3cret@h:26379,/name"),
        ("SECRET_KEY", "s3cret"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY_FALLBACKS", "s3cret"),
        ("PUBLIC_URL", "petition.example.org"),
        ("PROXY_COUNT", "many"),
        ("CONFIRM_WITHIN", "0"),
        ("MAIL_PORT", "99999"),
        ("MAIL_USE_TLS", "perhaps"),
        ("MAIL_DEFAULT_SENDER", ""),
        ("PETITION_SIGN_LIMIT", "30"),
        ("PETITION_SIGN_LIMIT", "thirty/minute"),
    ],
)
def test_a_bad_setting_is_named_in_one_line_without_its_secret(name, value):
    with pytest.raises(BadSetting) as refused:
        Config({**VALID_SETTINGS, name: value})
    line = str(refused.value)
    assert line.startswith(name)
    assert "\n" not in line
    assert "s3cret" not in line


def test_a_secret_comes_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("k" * 40 + "\n")
    environ = {**VALID_SETTINGS, "SECRET_KEY_FILE": str(file)}
    del environ["SECRET_KEY"]
    assert Config(environ).SECRET_KEY == "k" * 40
    with pytest.raises(BadSetting, match="SECRET_KEY_FILE cannot be read"):
        Config({**environ, "SECRET_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(BadSetting, match="both set"):
        Config({**environ, "SECRET_KEY": "k" * 40})


def test_the_readme_lists_every_setting():
    listed = set(re.findall(r"^\| `([A-Z_]+)`", README.read_text(encoding="utf-8"), re.M))
    public = {setting.name for setting in SETTINGS if not setting.purpose.endswith("set by `petition up`")}
    assert public - {"PETITION_EMBEDDED"} <= listed
