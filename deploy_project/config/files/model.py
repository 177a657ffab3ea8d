"""The base of the files' pydantic models, and the translation of pydantic's errors."""

import difflib
import inspect
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from deploy_project.config.files.documents import Document, Place
from deploy_project.config.files.problems import Problems, refuse_unnamed, shortened

NAME = "^[A-Za-z0-9_-]+$"
TARGET = "^([A-Za-z0-9_][A-Za-z0-9_. -]*)?$"
"""A target's name, which profiles use in paths; empty is none."""
LONGEST_NAME = 100
"""Names become parts of file names, of which most systems take 255 bytes."""
LARGEST_ID = (1 << 63) - 1
LARGEST_COUNT = (1 << 31) - 1
MOST_COMMANDS = 500
"""Commands of a job: with thousands, Dagster can't load its definitions any more."""
MOST_THREADS = 1000
"""dbt starts them all at once."""
_WORDS = {
    "missing": ("is missing", "add it"),
    "string_type": ("must be text", "write text; put it in quotes when it looks like a number"),
    "float_type": ("must be a number", "write digits without quotes"),
    "int_type": ("must be a whole number", "write digits without quotes"),
    "int_parsing": ("must be a whole number", "write digits only"),
    "int_from_float": ("must be a whole number", "write digits only"),
    "bool_type": ("must be true or false", "write one of them, without quotes"),
    "bool_parsing": ("must be true or false", "write one of them"),
    "string_too_short": ("is empty", "write a value, or leave the key out"),
    "dict_type": ("must be a mapping", "write `key: value` lines under it"),
    "model_type": ("must be a mapping", "write `key: value` lines under it"),
    "list_type": ("must be a list", "write a `- item` line for each"),
    "int_parsing_size": ("is too large", "write a number of fewer digits"),
    "finite_number": ("must be a whole number", "write digits only"),
    "string_pattern_mismatch": ("has a character that names can't have", "use A-Z a-z 0-9 _ and -"),
}


def null_is_absent(schema: dict[str, Any]) -> None:
    """Let every optional property of a JSON schema be null too, as `Strict` does."""
    for name, value in schema.get("properties", {}).items():
        value.pop("title", None)
        if value.get("default", value) is None:
            del value["default"]
        kept = {
            key: value.pop(key) for key in ("default", "deprecated", "description") if key in value
        }
        if "patternProperties" in value:
            value["additionalProperties"] = False
        if value and name not in schema.get("required", []):
            kinds = value.get("anyOf", [value])
            null = [] if {"type": "null"} in kinds else [{"type": "null"}]
            schema["properties"][name] = {"anyOf": [*kinds, *null], **kept}
        else:
            value.update(kept)


class Strict(BaseModel):
    """A strict, frozen model: unknown keys are mistakes, and null is the same as absent."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra=null_is_absent
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        entries = cast(dict[Any, Any], data).items()
        return {key: value for key, value in entries if value is not None}


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Checked(Generic[Model]):
    """A file's model without its faulty values; `broken` entries are left out whole."""

    model: Model
    broken: frozenset[tuple[str, ...]]

    def broken_in(self, part: str) -> list[str]:
        """Return the names of the entries of one mapping that are left out."""
        return [path[1] for path in self.broken if path[0] == part and len(path) > 1]


def checked(
    model: type[Model], document: Document, *, parts: Collection[str], problems: Problems
) -> Checked[Model]:
    """Return `document` as `model`, without its faulty values, and note a problem for each.

    A wrong key falls to its default, so that everything else can be checked further. `parts` are
    the top-level mappings with entries of their own; one that lacks a key it needs is left out.
    """
    data = document.data
    if isinstance(data, dict):
        free = {str(key) for key in cast(dict[Any, Any], data)} - {*model.model_fields}
        if refuse_unnamed(document, problems, free=free):
            data = _named(data)
    else:
        if data is not None:
            place, remedy = Place(document), "write `key: value` lines"
            problems.refuse(place, "must be a mapping", remedy=remedy)
        data = {}
    entries = cast(dict[Any, Any], data)
    details = _details(model, entries)
    for detail in details:
        _note(detail, model, document, problems)
    wrong = {_path(detail)[: 3 if detail["loc"][0] in parts else 1] for detail in details}
    kept = _without(entries, wrong)
    broken = {_path(detail)[:2] for detail in _details(model, kept)}
    broken |= {path for path in wrong if len(path) < 3}
    return Checked(model.model_validate(_without(kept, broken)), frozenset(broken))


def _named(data: Any) -> Any:
    """Return a copy of `data` without the keys that are no text."""
    if isinstance(data, dict):
        entries = cast(dict[Any, Any], data).items()
        return {key: _named(value) for key, value in entries if isinstance(key, str)}
    if isinstance(data, list):
        return [_named(each) for each in cast(list[Any], data)]
    return data


def _details(model: type[BaseModel], data: dict[Any, Any]) -> list[ErrorDetails]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _path(detail: ErrorDetails) -> tuple[str, ...]:
    return tuple(str(part) for part in detail["loc"] if part != "[key]")


def _without(data: dict[Any, Any], paths: Collection[tuple[str, ...]]) -> dict[Any, Any]:
    """Return a copy of `data` without the values at `paths`."""
    kept: dict[Any, Any] = {}
    for key, value in data.items():
        below = {path[1:] for path in paths if path[0] == str(key)}
        if () not in below:
            nested = below and isinstance(value, dict)
            kept[key] = _without(cast(dict[Any, Any], value), below) if nested else value
    return kept


def _note(
    detail: ErrorDetails, model: type[BaseModel], document: Document, problems: Problems
) -> None:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    name = repr(shortened(str(location[-1])))
    what, remedy = _WORDS.get(detail["type"], (detail["msg"], "correct it"))
    found = name if detail["loc"][-1] == "[key]" else None
    context = detail.get("ctx", {})
    if detail["type"] == "extra_forbidden":
        what, found = "is an unknown key", name
        remedy = _instead(str(location[-1]), _keys(model, location[:-1]))
    elif detail["type"] == "literal_error":
        what, remedy = "is not one of the known values", f"use {context['expected']}"
    elif detail["type"] == "less_than_equal":
        what, remedy = "is too large", f"use at most {context['le']}"
    elif detail["type"] == "string_too_long":
        what, remedy = "is too long", f"use at most {context['max_length']} characters"
    elif detail["type"] == "too_long":
        what, found = "has too many entries", str(context["actual_length"])
        remedy = f"write at most {context['max_length']}"
    elif detail["type"] == "greater_than_equal":
        what, remedy = "is too small", f"use at least {context['ge']}"
    problems.refuse(Place(document, location), what, found=found, remedy=remedy)


def _instead(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"remove it (known here: {', '.join(sorted(known))})"


def _keys(annotation: Any, location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the model at `location` below `annotation` knows."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
        if not location:
            return [name for name, field in fields.items() if not field.deprecated]
        return _keys(fields[str(location[0])].annotation, location[1:])
    inside = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [key for kind in inside for key in _keys(kind, location)]
    if get_origin(annotation) in (dict, list, Mapping):
        return _keys(inside[-1], location[1:])
    return []
