"""Placeholders in a mailing: a fixed list of names in a sandboxed subset of Jinja, with access to nothing else."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from flask_babel import gettext as _
from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from petition.core.i18n import N_
from petition.core.text import is_printable_text

ParseErrors = list[tuple[int, str]]

PLACEHOLDERS = {
    "name": N_("the signer’s name; for an organisation, its representative’s"),
    "first_name": N_("the first name alone: “Hello {{ first_name }}”"),
    "organisation": N_("the organisation, for those who signed for one"),
    "profession": N_("the profession or role, where it was given"),
    "city": N_("the city, where it was given"),
    "petition": N_("the title of what they signed, in their language"),
    "count": N_("the confirmed signatures at the moment of sending"),
    "sender": N_("who the mailing comes from"),
    "petition_link": N_("the address of the public page"),
    "personal_link": N_("the address of the signer’s own page; not to be forwarded"),
}
SIGNER_PLACEHOLDERS = (
    "name",
    "first_name",
    "organisation",
    "profession",
    "city",
)  # fields that a signer may have left empty
LINK_PLACEHOLDERS = ("petition_link", "personal_link")
# No attribute access, calls, loops, operators or includes: only names, conditions and defaults.
ALLOWED_NODES = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.Filter,
           nodes.Not, nodes.And, nodes.Or)  # fmt: skip
NESTING_NODES = (nodes.If, nodes.Not, nodes.Filter, nodes.And, nodes.Or)
MAX_NESTING = 20  # of {% if %} in {% if %}; also the most {% elif %} of one {% if %}
EXAMPLES = "{{ name }}, {{ profession|default('…') }}, {% if profession %}…{% endif %}"


def _default(value: str, fallback: str = "") -> str:
    return value or fallback


_environment = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=True)
_environment.globals, _environment.tests, _environment.filters = {}, {}, {"default": _default}


def validate_placeholders(source: str) -> ParseErrors:
    """Return what is wrong with the placeholders of a text, each as (line, what to do)."""
    try:
        tree = _environment.parse(source)
        return sorted(set(_walk(tree, 0)))
    except TemplateSyntaxError as error:
        return [(error.lineno, _("this cannot be read (%(error)s): %(advice)s", error=error.message, advice=_advice()))]
    except RecursionError:
        return [(1, _("this is nested too deeply: %(advice)s", advice=_advice()))]
    except ValueError:  # a number with more digits than Python parses
        return [(1, _("only placeholders from the list are possible: %(advice)s", advice=_advice()))]


def _advice() -> str:
    return _("write %(examples)s", examples=EXAMPLES)


def _walk(node: nodes.Node, depth: int, line: int = 1) -> Iterator[tuple[int, str]]:
    # The node around {% autoescape %} has no line of its own.
    line = node.lineno or next((child.lineno for child in node.iter_child_nodes()), line)
    if isinstance(node, nodes.Name) and (node.name not in PLACEHOLDERS or node.ctx != "load"):
        yield line, _("{{ %(name)s }} is not known: there are %(names)s", name=node.name, names=", ".join(PLACEHOLDERS))
    elif not isinstance(node, ALLOWED_NODES) or (isinstance(node, nodes.Const) and not _is_valid_text(node.value)):
        yield line, _("only placeholders from the list are possible: %(advice)s", advice=_advice())
        return
    elif isinstance(node, nodes.Filter) and not _is_valid_filter(node):
        yield line, _("%(name)s is not possible here: %(advice)s", name=node.name, advice=_advice())
    if depth > MAX_NESTING or (isinstance(node, nodes.If) and len(node.elif_) > MAX_NESTING):
        yield line, _("this is nested too deeply: %(advice)s", advice=_advice())
        return
    for child in node.iter_child_nodes():
        yield from _walk(child, depth + isinstance(node, NESTING_NODES), line)


def _is_valid_text(value: Any) -> bool:
    # An escape such as \x00 in a constant yields a control character.
    return isinstance(value, str) and is_printable_text(value)


def _is_valid_filter(node: nodes.Filter) -> bool:
    plain = isinstance(node.node, nodes.Name) and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
    return node.name == "default" and plain and len(node.args) == 1 and isinstance(node.args[0], nodes.Const)


@lru_cache(maxsize=128)
def _template(source: str) -> Template:
    return _environment.from_string(source)


def expand(source: str, values: Mapping[str, Any]) -> str:
    """Return the text with its placeholders filled; those without a value are empty. For valid texts only."""
    return _template(source).render(
        dict.fromkeys(PLACEHOLDERS, "") | {k: v for k, v in values.items() if k in PLACEHOLDERS}
    )
