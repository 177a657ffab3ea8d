"""YAML documents that know the line of every key, for messages with file and line."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from deploy_project.config.files.limited_yaml import BadValue, YamlNode, read_yaml

Part = str | int
_TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")


@dataclass(frozen=True)
class Document:
    """One YAML file: its plain data, and the nodes that the data were made from."""

    file: Path
    data: Any
    root: YamlNode
    bad: tuple[BadValue, ...] = ()
    _children: dict[int, dict[str, tuple[int, YamlNode]]] = field(
        default_factory=dict[int, dict[str, tuple[int, YamlNode]]], compare=False, repr=False
    )

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
            child = self._child(node, part)
            if child is None:
                return line, None
            line, node = child
        return line, node

    def _child(self, node: YamlNode, part: Part) -> tuple[int, YamlNode] | None:
        if node is None:
            return None
        if node.id == "mapping":
            children = self._children.get(id(node))
            if children is None:  # the last of a name wins: a mapping's own over a merged one
                found = {_written(key): (key.start_mark.line, value) for key, value in node.value}
                children = self._children[id(node)] = found
            return children.get(str(part))
        if node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            item = node.value[part]
            return item.start_mark.line, item
        return None

    def unnamed(self, *, free: Collection[str]) -> Iterator[tuple[Part, ...]]:
        """Yield the path of each key that is no text; those below a `free` key are left out.

        A key is in a path as it is written: `true`, `2024-01-01`, or nothing at all.
        """
        for path, key, _ in _walk(self.root, free=free):
            if key is not None and str(key.tag) not in _TEXT:
                yield path

    def places(self, nodes: Collection[YamlNode]) -> dict[int, tuple[Part, ...]]:
        """Return the paths of `nodes` by their `id()`; that of a key is as of its value."""
        wanted = {id(node) for node in nodes}
        found: dict[int, tuple[Part, ...]] = {}
        for path, *both in _walk(self.root) if wanted else ():
            for each in both:
                if id(each) in wanted:
                    found.setdefault(id(each), path)
        return found


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
    found = read_yaml(text)
    return Document(file, found.data, found.root, found.bad)


def _written(node: YamlNode) -> str:
    return node.value if node.id == "scalar" else f"a {node.id}"


def _walk(
    node: YamlNode, path: tuple[Part, ...] = (), *, free: Collection[str] = ()
) -> Iterator[tuple[tuple[Part, ...], YamlNode, YamlNode]]:
    """Yield the path, the key if it has one, and the node of everything below `node`."""
    if node is None or node.id == "scalar" or (path and path[-1] in free):
        return
    entries = node.value if node.id == "mapping" else ((None, each) for each in node.value)
    for index, (key, value) in enumerate(entries):
        below = (*path, index if key is None else _written(key))
        yield below, key, value
        yield from _walk(value, below, free=free)
