"""What delivery cannot know: whose address an email went to, and what to do when its reader has had enough."""

from collections.abc import Callable, Sequence

Finder = Callable[[int], str | None]
Hook = Callable[[int, bool], None]
_finders: dict[str, Finder] = {}
_hooks: dict[str, Hook] = {}


def finds_address(kinds: Sequence[str], finder: Finder) -> None:
    """Register how the address of emails of some kinds is found by their subject's id; None once it was erased."""
    _finders.update(dict.fromkeys(kinds, finder))


def on_leaving(kinds: Sequence[str], hook: Hook) -> None:
    """Register what is done, by a delivery's id, when its reader asks to stop (False) or complains of it (True)."""
    _hooks.update(dict.fromkeys(kinds, hook))


def address_of(kind: str, subject_id: int) -> str | None:
    """Return whom a delivery of this kind went to, if that is still known."""
    return _finders[kind](subject_id) if kind in _finders else None


def leave(kind: str, delivery_id: int, *, complaint: bool) -> None:
    """Do what the reader of a delivery asks for."""
    if kind in _hooks:
        _hooks[kind](delivery_id, complaint)
