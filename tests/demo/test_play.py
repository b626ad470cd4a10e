import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from petition.demo import play as module
from petition.demo.play import play


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2)
    monkeypatch.setattr(module, "SETTLE", 0.1)
    monkeypatch.setattr(module, "LINGER", 0.2)
    monkeypatch.setattr(module, "OPENED_FIRST", 5)


def played(url: str) -> tuple[int, str]:
    out = io.StringIO()
    code = play(url, people=14, organisations=4, seed=1, console=Console(file=out, width=80))
    return code, out.getvalue()


@pytest.mark.parametrize("faults", [(), ("busy",)])
def test_a_sound_stack_passes_twice_in_a_row(stand: Callable[..., Any], faults: tuple[str, ...]) -> None:
    made = stand(*faults)
    for before, after in (0, 18), (18, 36):
        code, text = played(made.url)
        assert code == 0, text
        assert "✗" not in text
        assert f"{before} → {after}" in text
    assert len({row["email"] for row in made.rows}) == 36


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("count one short", "✗ The count rose by those confirmed: +17 for 18"),
        ("opening counts", "✗ Opening links counted nothing"),
        ("mail lost", "✗ Each address got exactly one mail: 17 of 18"),
        ("mail twice", "✗ Each address got exactly one mail: 17 of 18"),
        ("page differs", "✗ Page and API show one count: 5"),
        ("everyone listed", "✗ The list gained those who agreed: +18 for"),
        ("form refused", "✗ Every signature was accepted: 9 of 18"),
    ],
)
def test_each_fault_is_named_and_fails(stand: Callable[..., Any], fault: str, line: str) -> None:
    code, text = played(stand(fault).url)
    assert code == 1
    assert line in text


def test_no_stack_is_said_in_one_line() -> None:
    code, text = played("http://127.0.0.1:9")
    assert code == 1
    assert text.startswith("✗ The stack does not answer: GET /api/v1/petitions")


def test_piped_output_is_plain_and_fits_80_columns(stand: Callable[..., Any]) -> None:
    _, text = played(stand().url)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
