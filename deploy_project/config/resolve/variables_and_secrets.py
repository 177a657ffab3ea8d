"""Variables, secrets and `pass_variables` of the files, checked and resolved."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from deploy_project.config.files.documents import Place
from deploy_project.config.files.locations import Base
from deploy_project.config.files.problems import Problems
from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.passed import OURS

_NAME = re.compile(r"DBT_[A-Z0-9_]+")
_ANY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_PREFIX = "DBT_ENV_SECRET"  # noqa: S105
_MASKED = re.compile(r"\*+")
_WRITE = "write `env: NAME` or `file: path` under it"


def secret(place: Place, base: Base, problems: Problems) -> Secret | None:
    """Return the secret that `place` refers to; note a problem when it is no `env` or `file`."""
    value = place.value
    if not isinstance(value, Mapping):
        problems.add(place, "must say where the secret is kept", remedy=_WRITE)
        return None
    if len(place.keys) != 1 or place.keys[0] not in ("env", "file"):
        keys = ", ".join(map(repr, place.keys)) or "an empty mapping"
        problems.add(place, "must have one of 'env' and 'file'", found=keys, remedy=_WRITE)
        return None
    kind = place.keys[0]
    where = (place / kind).value
    if not isinstance(where, str) or not where:
        problems.add(place / kind, "must be text", remedy=_WRITE)
        return None
    if kind == "env":
        return Secret(env=where, place=place.where)
    return Secret(file=base.path(where), place=place.where)


def deploy_variables(place: Place, base: Base, problems: Problems) -> dict[str, str | Secret]:
    """Return the `variables` at `place` in deploy.yaml, where no secret may be in plain text."""
    places = [(name, place / name) for name in place.keys]
    for name, at in places:
        if name.upper().startswith(_SECRET_PREFIX) and not isinstance(at.value, Mapping):
            problems.add(at, "is a secret and must not be in this file", remedy=_WRITE)
    return _variables(places, base, problems)


def job_variables(place: Place, base: Base, problems: Problems) -> dict[str, str | Secret]:
    """Return the `custom_environment_variables` at `place`: a list of mappings with one key."""
    places: list[tuple[str, Place]] = []
    written: Any = place.value
    for index, _ in enumerate(cast(list[Any], written) if isinstance(written, list) else ()):
        item = place / index
        if len(item.keys) == 1:
            # null is how exports say that the job does not override the environment's value.
            if (item / item.keys[0]).value is not None:
                places.append((item.keys[0], item / item.keys[0]))
        else:
            problems.add(item, "must be one variable", remedy="write `- NAME: value` for each")
    return _variables(places, base, problems)


def _variables(
    places: Iterable[tuple[str, Place]], base: Base, problems: Problems
) -> dict[str, str | Secret]:
    found: dict[str, str | Secret] = {}
    for written, place in places:
        name = written.upper()
        if not _NAME.fullmatch(name):
            remedy = "use letters, digits and '_' after `DBT_`"
            problems.add(place, "must begin with `DBT_`", found=repr(written), remedy=remedy)
        elif name in found:
            remedy = "keep one of them (case makes no difference)"
            problems.add(place, "is given twice", found=repr(written), remedy=remedy)
        value = _value(place, base, problems)
        if value is not None:
            found[name] = value
    return found


def _value(place: Place, base: Base, problems: Problems) -> str | Secret | None:
    value = place.value
    if isinstance(value, Mapping):
        return secret(place, base, problems)
    if value is None or isinstance(value, list):
        remedy = 'write text, a number, true or false, or `env: NAME`; "" is empty text'
        problems.add(place, "must be one value", remedy=remedy)
        return None
    if isinstance(value, str) and _MASKED.fullmatch(value):
        problems.add(place, "is masked by dbt Cloud's export", found="asterisks", remedy=_WRITE)
        return None
    if isinstance(value, bool):
        return str(value).lower()
    # As written: the number 1.10 stays "1.10", the date 2024-01-01 stays what it is.
    return value if isinstance(value, str) else place.scalar


def passed_names(place: Place, problems: Problems) -> tuple[str, ...]:
    """Return the `pass_variables` at `place`: names of variables that dbt gets as they are."""
    written: Any = place.value
    found: list[str] = []
    for index, name in enumerate(cast(list[Any], written) if isinstance(written, list) else ()):
        at = place / index
        if not isinstance(name, str) or not _ANY_NAME.fullmatch(name):
            remedy = "write one name for each, of letters, digits and '_'"
            problems.add(at, "is no name of an environment variable", remedy=remedy)
        elif OURS.match(name):
            remedy = "write a name with its value under `variables:`, where names begin with `DBT_`"
            problems.add(at, "never passes", remedy=remedy, found=repr(name))
        elif name in found:
            problems.add(at, "is given twice", remedy="keep one of them", found=repr(name))
        else:
            found.append(name)
    return tuple(found)
