import pytest

from config import Config
from petition.core.settings.checks import BadSetting
from petition.core.settings.mail_relays import parse_relay
from tests.test_config import VALID_SETTINGS


def test_relay_is_read_from_its_url():
    relay = parse_relay("smtp+starttls://us%40er:pass%2Fword@relay.example.org?share=3&providers=Orange.fr+free.fr")
    assert (relay.host, relay.port, relay.use_tls, relay.use_ssl) == ("relay.example.org", 587, True, False)
    assert (relay.username, relay.password, relay.share) == ("us@er", "pass/word", 3)
    assert relay.providers == {"orange.fr", "free.fr"}
    assert "pass" not in repr(relay)
    assert (parse_relay("smtps://relay").port, parse_relay("smtp://[::1]:2525").host) == (465, "::1")


@pytest.mark.parametrize(
    "url",
    ["relay.example.org", "http://relay", "smtp://", "smtp://relay:0", "smtp://relay:99999", "smtp://relay/path",
     "smtp://relay?share=-1", "smtp://relay?share=9999", "smtp://relay?share=1&share=2", "smtp://relay?shares=1",
     "smtp://user@relay", "smtp://relay?providers=a/b", "smtp://relay#x", "smtp://relay?share"],
)  # fmt: skip
def test_bad_relay_stops_the_start_without_its_password(url):
    with pytest.raises(ValueError, match=r"relay|provider|[Pp]ort|query"):
        parse_relay(url)
    with pytest.raises(BadSetting, match="MAIL_RELAYS must be") as raised:
        Config({**VALID_SETTINGS, "MAIL_RELAYS": f"smtps://user:s3cr3t@host, {url}"})
    assert "s3cr3t" not in str(raised.value)
