"""YAML that people wrote, read within limits: no nesting or alias of it outgrows the process."""

# ruamel.yaml has no types for most of its parts.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError, MaxDepthExceededError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import Reader, ReaderError

from deploy_project.errors import ConfigError

YamlNode = Any  # ruamel.yaml has no types for its nodes

DEEPEST = 100
"""Levels of nesting, aliases included; whoever walks over the data has a stack of a thousand."""
LARGEST_ALIASES = 8 << 20
"""The characters that all aliases together may stand for, a node of its own counting 32."""
_NODE = 32
_UNPRINTABLE = Reader.NON_PRINTABLE
# Valid in quotes, as `\0` and `\ud800`; no file, process or database takes them.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_DUPLICATE = re.compile(r'found duplicate (?:merge )?key "(.*?)"', re.DOTALL)
_LONGEST = 80
# What the library raises over texts that its authors did not think of.
_FAILURES = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError)


class UnreadableError(ConfigError):
    """A text is not YAML; `faults` are its faulty lines, from 1, each with its fault.

    No fault contains a value of the text.
    """

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"{what}, in line {line}" for line, what in faults))
        self.faults = faults


@dataclass(frozen=True)
class BadValue:
    """A value that YAML's rules allow and nobody can use; everything beside it is readable."""

    node: YamlNode
    what: str
    remedy: str


@dataclass(frozen=True)
class Read:
    """The data of one YAML document, the nodes they were made from, and the bad values in it.

    The data have None in place of a bad value.
    """

    data: Any
    root: YamlNode
    bad: tuple[BadValue, ...]


def read_yaml(text: str) -> Read:
    """Return the one document in `text`; raise `UnreadableError` when it is no YAML."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor = _Composer, _Constructor
    yaml.max_depth = DEEPEST
    yaml.composer.warn_double_anchors = False
    try:
        root = yaml.compose(text)
        # Constructing also puts merged keys into the nodes, before the mapping's own.
        data = None if root is None else yaml.constructor.construct_document(root)
    except MarkedYAMLError as error:
        raise UnreadableError([_fault(error)]) from error
    except ReaderError as error:
        raise UnreadableError([*_unprintable(text)]) from error
    if yaml.constructor.duplicates:
        raise UnreadableError(yaml.constructor.duplicates)
    return Read(data, root, tuple(yaml.constructor.bad))


class _LimitError(ComposerError):
    """A document that is YAML, and too much."""


class _Composer(Composer):
    """Counts the nodes that aliases stand for: nothing else makes a short text large."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._sizes: dict[int, tuple[int, int]] = {}
        self._repeated = 0

    def get_single_node(self) -> Any:
        """Return the root; raise an error with a line for each failure of the parser."""
        try:
            return super().get_single_node()
        except _FAILURES as error:
            mark, what = self.parser.scanner.reader.get_mark(), type(error).__name__
            raise ComposerError(None, None, f"the parser gives up ({what})", mark) from error

    def return_alias(self, a: Any) -> Any:
        """Return the node that an alias stands for; raise where it makes too much of it."""
        what = None
        if a.id != "scalar" and a.end_mark is None:
            what = f"has the anchor {_shortened(a.anchor)!r}, which contains itself"
        else:
            size, depth = self._size(a)
            self._repeated += size
            if self.depth + depth > DEEPEST:
                what = f"nests deeper than {DEEPEST} levels, by its aliases"
            elif self._repeated > LARGEST_ALIASES:
                what = f"grows larger than {LARGEST_ALIASES >> 20} MiB by its aliases"
        if what is not None:
            raise _LimitError(None, None, what, self.parser.scanner.reader.get_mark())
        return a

    def _size(self, node: YamlNode) -> tuple[int, int]:
        """Return the characters and levels of a node, with all that it has by aliases."""
        if node.id == "scalar":
            return _NODE + len(node.value), 1
        found = self._sizes.get(id(node))
        if found is None:
            below = [self._size(each) for each in _children(node)]
            depth = 1 + max((levels for _, levels in below), default=0)
            found = self._sizes[id(node)] = (_NODE + sum(size for size, _ in below), depth)
        return found


class _Constructor(SafeConstructor):
    """Notes the fault of a value, and goes on."""

    def __init__(self, preserve_quotes: bool | None = None, loader: Any = None) -> None:
        super().__init__(preserve_quotes, loader)
        self.bad: list[BadValue] = []
        self.duplicates: list[tuple[int, str]] = []

    def construct_non_recursive_object(self, node: Any, tag: str | None = None) -> Any:
        """Return the value of a node; None, and a note, for one that can't be made out."""
        try:
            value = super().construct_non_recursive_object(node, tag)
        except (YAMLError, *_FAILURES):
            self.bad.append(_bad(node))
            return None
        if isinstance(value, str) and _UNUSABLE.search(value):
            what = "has a character that no program takes (NUL, or half of a surrogate pair)"
            self.bad.append(BadValue(node, what, "take it out"))
            return None
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node; raise an error with a line for a key that can be none."""
        try:
            return super().construct_mapping(node, deep=deep)
        except _FAILURES as error:
            what = "found a key that is no text"
            raise ConstructorError(None, None, what, node.start_mark) from error

    def check_mapping_key(
        self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any
    ) -> bool:
        """Return whether a key is the first of its name; note a later one."""
        if key in mapping:
            what = f"the key {_shortened(str(key))!r} appears twice in one mapping"
            self.duplicates.append((key_node.start_mark.line + 1, what))
            return False
        return True


def _bad(node: YamlNode) -> BadValue:
    kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
    if kind not in ("int", "float", "bool", "null", "timestamp", "binary"):
        what = f"has the tag {_shortened(str(node.tag))!r}, which means nothing here"
        return BadValue(node, what, "write the value without a tag")
    what = f"looks like a value of type `{kind}` and is none"
    return BadValue(node, what, "correct it; put it in quotes when it is meant as text")


def _children(node: YamlNode) -> Iterator[YamlNode]:
    if node.id == "mapping":
        for pair in node.value:
            yield from pair
    else:
        yield from node.value


def _fault(error: Any) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    return (mark.line + 1 if mark else 1), _reason(error)


def _reason(error: Any) -> str:
    duplicate = _DUPLICATE.search(error.problem or "")
    if duplicate:
        return f"the key {duplicate[1]!r} appears twice in one mapping"
    if isinstance(error, MaxDepthExceededError):
        return f"nests deeper than {DEEPEST} levels"
    if isinstance(error, _LimitError):
        return error.problem
    context = f"{error.context}, " if error.context else ""
    return f"is not YAML: {context}{_shortened(error.problem, 3 * _LONGEST)}"


def _unprintable(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that has a character which YAML allows nowhere, such as NUL."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = _UNPRINTABLE.search(line)
        if found is not None:
            yield number, f"is not YAML: found the character U+{ord(found[0]):04X}"


def _shortened(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
