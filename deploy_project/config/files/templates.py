"""Jobs files and vars files: found by path or glob, rendered with Jinja, and read."""

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import UndefinedError

from deploy_project.config.files.documents import Document, Place, UnreadableError, parsed
from deploy_project.config.files.locations import Base
from deploy_project.config.files.problems import Problems

_MARKS = ("{{", "{%", "{#")


class Rendering:
    """Jinja over the text of jobs files, with the values of the vars files."""

    def __init__(self, values: Mapping[str, Any] | None) -> None:
        self._values = values
        # The text is YAML: autoescaping would be for HTML.
        self._jinja = Environment(undefined=StrictUndefined)  # noqa: S701

    def text(self, file: Path, problems: Problems) -> str | None:
        """Return the rendered text of `file`; note a problem and return None when there is none."""
        text = _read(file, problems)
        if text is None or not any(mark in text for mark in _MARKS):
            return text
        try:
            names = self._names(text)
        except TemplateSyntaxError as error:
            _note(problems, file, error.lineno, f"is not a Jinja template: {error.message}")
            return None
        if self._values is not None:
            return self._rendered(file, text, names, problems)
        for name, line in names.items():
            what = f"uses the variable {name!r}, found no vars file"
            _note(problems, file, line, what, "list one under `vars_files` in deploy.yaml")
        return None if names else text

    def _rendered(
        self, file: Path, text: str, names: Mapping[str, int], problems: Problems
    ) -> str | None:
        try:
            return self._jinja.from_string(text).render(self._values or {})
        except UndefinedError as error:
            self._note_undefined(file, names, str(error.message), problems)
        except Exception as error:  # an expression in a template can fail in any way
            _note(problems, file, 1, f"can't be rendered ({type(error).__name__})")
        return None

    def _names(self, text: str) -> dict[str, int]:
        """Return the variables that a template wants, with the line of the first use."""
        tree = self._jinja.parse(text)
        wanted = meta.find_undeclared_variables(tree)
        found: dict[str, int] = {}
        for node in tree.find_all(nodes.Name):
            if node.name in wanted:
                found.setdefault(node.name, node.lineno)
        return found

    def _note_undefined(
        self, file: Path, names: Mapping[str, int], message: str, problems: Problems
    ) -> None:
        missing = {name: line for name, line in names.items() if name not in (self._values or {})}
        for name, line in missing.items():
            what = f"uses the variable {name!r}, found no such name in the vars files"
            _note(problems, file, line, what, "define it there")
        if not missing:
            _note(problems, file, 1, f"can't be rendered: {message}")


def document(file: Path, text: str | None, problems: Problems) -> Document | None:
    """Return the YAML document of a file's `text`; note a problem when it is not YAML."""
    if text is None:
        return None
    try:
        return parsed(file, text)
    except UnreadableError as error:
        problems.add_line(file, error.line, f"(file): {error}; correct it")
        return None


def read(file: Path, problems: Problems) -> Document | None:
    """Return the YAML document of a file that is no template."""
    return document(file, _read(file, problems), problems)


def files(place: Place, patterns: list[str], base: Base, problems: Problems) -> list[Path]:
    """Return the files that paths, directories and globs name; each must name one at least."""
    found: dict[Path, None] = {}
    for index, pattern in enumerate(patterns):
        matches = [file for file in _matches(base.path(pattern)) if file != place.file]
        if not matches:
            at = place / index if place.value else place
            remedy = "correct the path, which is relative to deploy.yaml, or create the file"
            problems.add(at, "matches no file", found=repr(pattern), remedy=remedy)
        found |= dict.fromkeys(matches)
    return list(found)


def template_values(paths: list[Path], problems: Problems) -> dict[str, Any] | None:
    """Return the variables of all vars files together; None when there are no vars files."""
    found: dict[str, Any] = {}
    defined: dict[str, Place] = {}
    for file in paths:
        content = read(file, problems)
        if content is None or content.data is None:
            continue
        root = Place(content)
        entries: Any = content.data
        if not isinstance(entries, dict):
            problems.add(root, "must be a mapping", remedy="write `name: value` lines")
            continue
        for name, value in cast(dict[str, Any], entries).items():
            if name in defined:
                what = f"is also defined in {defined[name].where}"
                problems.add(root / name, what, found=repr(name), remedy="keep one of them")
            defined[name] = root / name
            found[name] = _null_as_text(value)
    return found if paths else None


def _null_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        entries = cast(dict[Any, Any], value)
        return {key: _null_as_text(entry) for key, entry in entries.items()}
    if isinstance(value, list):
        return [_null_as_text(entry) for entry in cast(list[Any], value)]
    return "null" if value is None else value


def _matches(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for ending in ("*.yml", "*.yaml") for file in path.glob(ending))
    if path.is_file():
        return [path]
    return sorted(
        Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file()
    )


def _read(file: Path, problems: Problems) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problems.add_line(file, 1, f"(file): can't be read: {reason}; correct that")
        return None


def _note(problems: Problems, file: Path, line: int, what: str, remedy: str = "correct it") -> None:
    problems.add_line(file, line, f"(file): {what}; {remedy}")
