import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from petition.demo import runner as module
from petition.demo.runner import run_demo as play


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_CACHE_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(module, "DUPLICATE_MAIL_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(module, "MIN_LINKS_OPENED_FIRST", 5)


def run_demo(url: str) -> tuple[int, str]:
    out = io.StringIO()
    code = play(url, people=14, organisations=4, seed=1, console=Console(file=out, width=80))
    return code, out.getvalue()


@pytest.mark.parametrize("faults", [(), ("busy",)])
def test_a_sound_stack_passes_twice_in_a_row(fake_site: Callable[..., Any], faults: tuple[str, ...]) -> None:
    made = fake_site(*faults)
    for before, after in (0, 18), (18, 36):
        code, text = run_demo(made.url)
        assert code == 0, text
        assert "✗" not in text
        assert f"{before} → {after}" in text
    assert len({row["email"] for row in made.rows}) == 36


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("count one short", "✗ The count rose by those confirmed: +17 for 18"),
        ("opening counts", "✗ Opening links counted nothing"),
        ("mail lost", "✗ Each address got exactly one email: 17 of 18"),
        ("mail twice", "✗ Each address got exactly one email: 17 of 18"),
        ("page differs", "✗ Page and API show one count: 5"),
        ("everyone listed", "✗ The list gained those who agreed: +14 for"),
        ("form refused", "✗ Every signature was accepted: 9 of 18"),
    ],
)
def test_each_fault_is_named_and_fails(
    fake_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, fault: str, line: str
) -> None:
    if fault == "mail lost":
        monkeypatch.setattr(module, "MAIL_TIMEOUT_SECONDS", 5)
    code, text = run_demo(fake_site(fault).url)
    assert code == 1
    assert line in text


def test_no_stack_is_said_in_one_line() -> None:
    code, text = run_demo("http://127.0.0.1:9")
    assert code == 1
    assert text.startswith("✗ The stack does not answer: GET /api/v1/petitions")


def test_piped_output_is_plain_and_fits_80_columns(fake_site: Callable[..., Any]) -> None:
    _, text = run_demo(fake_site().url)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
