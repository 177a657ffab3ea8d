"""YAML documents that know the line of every key, for messages with file and line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from deploy_project.errors import ConfigError

Part = str | int
YamlNode = Any  # ruamel.yaml has no types for its nodes
_DUPLICATE = re.compile(r'found duplicate key "(.*?)" with value', re.DOTALL)


class UnreadableError(ConfigError):
    """A file is not YAML; `line` counts from 1. The text contains no value of the file."""

    def __init__(self, what: str, *, line: int) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One YAML file: its plain data, and the nodes that the data were made from."""

    file: Path
    data: Any
    root: YamlNode

    def line(self, path: tuple[Part, ...]) -> int:
        """Return the line, from 1, of the key at `path`, else of its nearest parent that exists.

        A key that a merge (`<<`) brought in has the line where it is written.
        """
        line, _ = self._walk(path)
        return line + 1

    def scalar(self, path: tuple[Part, ...]) -> str | None:
        """Return the text of the scalar at `path` as it is written, such as `1.10` for 1.1."""
        _, node = self._walk(path)
        return node.value if node is not None and node.id == "scalar" else None

    def _walk(self, path: tuple[Part, ...]) -> tuple[int, YamlNode]:
        node, line = self.root, 0
        for part in path:
            child = _child(node, part)
            if child is None:
                return line, None
            line, node = child
        return line, node


@dataclass(frozen=True)
class Place:
    """A key in a file; `place / "key"` is the place below it."""

    document: Document
    path: tuple[Part, ...] = ()

    def __truediv__(self, part: Part) -> "Place":
        return Place(self.document, (*self.path, part))

    @property
    def file(self) -> Path:
        """The file that the place is in."""
        return self.document.file

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.document.line(self.path)

    @property
    def scalar(self) -> str | None:
        """The text of the scalar here, as it is written; None for anything else."""
        return self.document.scalar(self.path)

    @property
    def value(self) -> Any:
        """The data here; None when there are none."""
        value: Any = self.document.data
        for part in self.path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    @property
    def keys(self) -> list[str]:
        """The keys of the mapping here, as text; empty for anything else."""
        value = self.value
        if not isinstance(value, Mapping):
            return []
        return [str(key) for key in cast(Mapping[Any, Any], value)]

    @property
    def where(self) -> str:
        """The file and line, for people."""
        return f"{self.file}:{self.line}"


def parsed(file: Path, text: str) -> Document:
    """Return the YAML `text` of `file`; raise `UnreadableError` when it is none."""
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        # Constructing also puts merged keys into the nodes, before the mapping's own.
        data = None if root is None else yaml.constructor.construct_document(root)
    except MarkedYAMLError as error:
        marked: Any = error
        mark = marked.problem_mark or marked.context_mark
        raise UnreadableError(_reason(marked), line=mark.line + 1 if mark else 1) from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise UnreadableError(f"is not YAML ({type(error).__name__})", line=1) from error
    return Document(file, data, root)


def _reason(error: Any) -> str:
    duplicate = _DUPLICATE.search(error.problem or "")
    if duplicate:
        return f"the key {duplicate[1]!r} appears twice in one mapping"
    context = f"{error.context}, " if error.context else ""
    return f"is not YAML: {context}{error.problem}"


def _child(node: YamlNode, part: Part) -> tuple[int, YamlNode] | None:
    if node is None:
        return None
    if node.id == "mapping":
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key.start_mark.line, value
    if node.id == "sequence" and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    return None
