"""Read compose.yaml and the Dockerfile the way Docker does, as far as these files go."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
DOCKERFILE = ROOT / "Dockerfile"

VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?])([^}]*))?\})")


class MissingVariable(Exception):
    """A `${NAME:?message}` without its value; Compose shows the message and stops."""


def resolve(value: Any, variables: dict[str, str]) -> Any:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}` everywhere in a value, and `$$` by `$`."""

    def one(match: re.Match[str]) -> str:
        escaped, name, operator, rest = match.groups()
        if escaped:
            return "$"
        if variables.get(name):
            return variables[name]
        if operator == ":?":
            raise MissingVariable(f"{name}: {rest}")
        return rest or ""

    if isinstance(value, dict):
        return {key: resolve(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, variables) for inner in value]
    return VARIABLE.sub(one, value) if isinstance(value, str) else value


def load_compose() -> dict[str, Any]:
    """Return compose.yaml as it is written, variables and all, its anchors merged."""
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


def required_variables() -> dict[str, str]:
    """Return each variable that must be set, with the message that Compose shows without it."""
    found = VARIABLE.finditer(COMPOSE.read_text(encoding="utf-8"))
    return {match[2]: match[4] for match in found if match[3] == ":?"}


@dataclass
class Image:
    """What the last stage of the Dockerfile says about the image."""

    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def parse_stages() -> list[list[tuple[str, str]]]:
    """Return the Dockerfile's stages, each a list of instructions and their arguments."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, arguments = line.split(maxsplit=1)
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, arguments.strip()))
    return found


def parse_image() -> Image:
    """Return the image that every service of the application runs."""
    result = Image()
    for instruction, arguments in parse_stages()[-1]:
        if instruction == "CMD":
            result.command = json.loads(arguments)
        elif instruction == "HEALTHCHECK":
            result.health = json.loads(arguments.split(" CMD ", 1)[1] if " CMD " in arguments else arguments)
        elif instruction == "USER":
            result.user = arguments
        elif instruction == "ENV":
            result.environment |= dict(pair.split("=", 1) for pair in arguments.split())
    return result
