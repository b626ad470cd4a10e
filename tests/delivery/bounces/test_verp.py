from petition.delivery.bounces import verp
from petition.delivery.composers import message_id, return_path, unsubscribe_address


def test_return_path_survives_case_folding_and_key_rotation(app, monkeypatch):
    address = return_path(7)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key that is long enough for it")
    assert return_path(7) != address
    assert verp.parse_address(address.upper()) == ("bounce", 7)


def test_each_purpose_has_a_mac_of_its_own(app):
    assert verp.parse_address(unsubscribe_address(7)) == ("unsubscribe", 7)
    assert verp.parse_address(return_path(7).replace("+b", "+u")) is None
    assert verp.parse_message_id(message_id(7)) == 7
    assert verp.parse_message_id(message_id(7).replace("<d7.", "<d8.")) is None
