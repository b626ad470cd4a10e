"""Read a text file made of YAML front matter and one Markdown section per language, with the line of each part."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

import yaml

from petition.core.cli_support import CommandError
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES

T = TypeVar("T")
FENCE = "---"
CODE_FENCES = ("```", "~~~")
SECTION_PATTERN = re.compile(r"^# +([a-z]{2}): *(.*)$")


class InvalidFile(ValidationError):
    """A file that cannot be used; `problems` holds every error in it as (line counted from 1, what to do)."""

    def __init__(self, problems: Iterable[tuple[int, str]]) -> None:
        self.problems = sorted(set(problems))
        super().__init__({"file": "; ".join(f"line {line}: {message}" for line, message in self.problems)})


@dataclass(frozen=True)
class Section:
    """What a file says in one language: a heading `# fr: Title`, a summary in lines that begin with `>`, a text."""

    language: str
    title: str
    title_line: int
    summary: str
    summary_line: int
    body: str
    body_line: int


@dataclass
class FrontMatterFile:
    """A file's settings and sections as they are written, and what is wrong with its structure."""

    settings: dict[str, Any] = field(default_factory=dict)
    setting_lines: dict[str, int] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add_problem(self, line: int, message: str) -> None:
        """Note a problem at a line, counted from 1."""
        self.problems.append((line, message))

    def require_known_settings(self, known: Iterable[str]) -> None:
        """Note each setting that is not one of those."""
        for name in self.settings:
            if name not in known:
                self.add_problem(self.line_of(name), f"{name!r} is not a setting: one of {', '.join(known)}")

    def line_of(self, setting: str) -> int:
        """Return the line of a setting, or the first line of a file that does not have it."""
        return self.setting_lines.get(setting, 1)

    def add_field_errors(self, errors: Mapping[str, str], lines: Mapping[str, int]) -> None:
        """Note what is wrong with each field, at its line."""
        self.problems += [(lines.get(name, 1), f"{name}: {message}") for name, message in errors.items()]


class _Loader(yaml.SafeLoader):
    """A safe loader without aliases: a few lines of them would make a value too large for memory."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


def parse_front_matter_file(text: str) -> FrontMatterFile:
    """Return a file's settings and sections. Every problem is noted in the result; none is raised."""
    file, lines = FrontMatterFile(), text.splitlines()
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == FENCE), None)
    if not lines or lines[0].strip() != FENCE or end is None:
        file.add_problem(1, "start with front matter: a line ---, settings, a line ---")
        return file
    _parse_settings("\n".join(lines[1:end]), file)
    _parse_sections(lines, end + 1, file)
    return file


def _parse_settings(source: str, file: FrontMatterFile) -> None:
    """Read the settings; PyYAML counts lines from 0, and the file has a line `---` before them."""
    loader = None
    try:
        loader = _Loader(source)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode) or not node.value:
            file.add_problem(2, "front matter is a list of `key: value` lines")
            return
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if str(key.value) in lines:
                file.add_problem(key.start_mark.line + 2, f"{key.value} stands here a second time: keep one")
            lines[str(key.value)] = key.start_mark.line + 2
        settings = loader.construct_document(node)
        if not isinstance(settings, dict) or not settings:
            file.add_problem(2, "front matter is a list of `key: value` lines")
            return
    except yaml.MarkedYAMLError as error:
        file.add_problem((error.problem_mark.line if error.problem_mark else 0) + 2, f"not YAML: {error.problem}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        file.add_problem(2, f"not YAML: {(str(error).splitlines() or ['?'])[0]}")
    else:
        file.settings, file.setting_lines = settings, lines
    finally:
        if loader is not None:
            loader.dispose()


def _parse_sections(lines: list[str], start: int, file: FrontMatterFile) -> None:
    headings, in_code = [], False
    for number in range(start, len(lines)):
        in_code ^= lines[number].startswith(CODE_FENCES)
        if not in_code and (heading := SECTION_PATTERN.match(lines[number])):
            headings.append((number, heading))
    if not headings:
        file.add_problem(start + 1, "add a section per language, each under a line such as `# fr: Title`")
        return
    if (stray := _first_nonblank_line(lines, start, headings[0][0])) < headings[0][0]:
        file.add_problem(stray + 1, "this text is in no language: move it below a line such as `# fr: Title`")
    ends = [*[number for number, _ in headings[1:]], len(lines)]
    seen = set()
    for (number, heading), end in zip(headings, ends, strict=True):
        section = _parse_section(heading[1], heading[2].strip(), number, lines, end)
        if section.language not in LANGUAGES:
            languages = ", ".join(LANGUAGES)
            file.add_problem(number + 1, f"{section.language!r} is not a language here: one of {languages}")
        elif section.language in seen:
            file.add_problem(number + 1, f"a second section in {section.language!r}: keep one")
        else:
            file.sections.append(section)
        seen.add(section.language)


def _parse_section(language: str, title: str, heading: int, lines: list[str], end: int) -> Section:
    summary = _first_nonblank_line(lines, heading + 1, end)
    summary_end = next((number for number in range(summary, end) if not lines[number].startswith(">")), end)
    body = _first_nonblank_line(lines, summary_end, end)
    return Section(
        language=language,
        title=title,
        title_line=heading + 1,
        summary=" ".join(line.lstrip("> ").strip() for line in lines[summary:summary_end]).strip(),
        summary_line=min(summary, end - 1) + 1,
        body="\n".join(lines[body:end]).rstrip(),
        body_line=min(body, end - 1) + 1,
    )


def _first_nonblank_line(lines: list[str], start: int, end: int) -> int:
    return next((number for number in range(start, end) if lines[number].strip()), end)


def keep_offered_languages(text: str) -> str | None:
    """Return a file of ours without what it says in languages that the site does not offer; None if nothing is left.

    Its default language becomes the first that is left, where it is not among them.
    """
    head, *sections = re.split(r"(?m)^(?=# +[a-z]{2}:)", text)
    kept = [section for section in sections if section[1:].split(":", 1)[0].strip() in LANGUAGES]
    if not kept:
        return None
    first = kept[0][1:].split(":", 1)[0].strip()
    default = re.search(r"(?m)^default_language: *([a-z]{2})$", head)
    if default and default[1] not in LANGUAGES:
        head = head.replace(default[0], f"default_language: {first}")
    return "".join((head, *kept))


def parse_command_file(file: IO[str], parse: Callable[[str], T]) -> T:
    """Return what `parse` makes of a file given to a command. Raises `CommandError` naming each line to correct."""
    try:
        return parse(file.read())
    except UnicodeDecodeError as error:
        raise CommandError(f"{file.name}: not UTF-8 text ({error.reason})") from None
    except InvalidFile as error:
        lines = "\n".join(f"{file.name}:{line}: {message}" for line, message in error.problems)
        raise CommandError(f"nothing was created\n{lines}") from None
