import pytest

from petition.team.labels import actor_label


@pytest.mark.parametrize(
    ("actor", "label"),
    [
        ("alix@example.org", "alix@example.org"),
        ("terminal:root", "root, at the terminal of the server"),
        ("terminal:petition (sudo by alix)", "alix, at the terminal of the server as petition"),
        ("terminal", "somebody at the terminal of the server"),
        ("terminals", "terminals"),
        ("", ""),
        (None, ""),
    ],
)
def test_who_acted_is_named_in_words(app, actor, label):
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert actor_label(actor) == label
