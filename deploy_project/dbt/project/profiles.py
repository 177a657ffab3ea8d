"""The profile of a run: the environment's connection under the job's target name.

dbt Cloud makes a profile for each run from the environment's connection; so do we, from an output
of the project's `profiles.yml` or from `connection:` in deploy.yaml, with the extended attributes
over it. Jinja stays as written: a credential stays the name of a variable until dbt renders it.
"""

import copy
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

from deploy_project.config import small_files
from deploy_project.config.files.documents import Document, parsed
from deploy_project.config.files.limited_yaml import UnreadableError
from deploy_project.config.values.deployment import Environment
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.dbt.project.schemas import refuse_other_capitals, schema_of, with_schema
from deploy_project.errors import ConfigError

_ADAPTER = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Profile:
    """One output under one name, ready to be written as `profiles.yml`."""

    name: str
    target: str
    output: Mapping[str, Any]
    directory: Path
    """The directory it was read from; relative paths of keys are relative to that."""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """dbt's flags in the file that the output is from, where dbt has had them of old."""

    @property
    def adapter(self) -> str:
        """The adapter type, such as `duckdb`."""
        return str(self.output["type"])

    @property
    def schema(self) -> str | None:
        """The target schema, Jinja included."""
        found = schema_of(self.output)
        return None if found is None else str(found)

    @property
    def shown(self) -> Mapping[str, Any]:
        """The value of `target` in Jinja of `dbt_project.yml`."""
        names = {"name": self.target, "target_name": self.target, "profile_name": self.name}
        return {**self.output, **names}

    def write(self, directory: Path) -> None:
        """Write `profiles.yml` into `directory`, readable by this user alone."""
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "profiles.yml"
        file.touch(mode=0o600)
        content: dict[str, Any] = {"config": dict(self.config)} if self.config else {}
        content[self.name] = {"target": self.target, "outputs": {self.target: dict(self.output)}}
        with file.open("w", encoding="utf-8") as stream:
            cast(Any, YAML(typ="safe")).dump(content, stream)


def yaml_mapping(path: Path, what: str) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise `ConfigError` with a remedy when it has none."""
    try:
        document = _document(path, small_files.text_of(path))
    except small_files.NoTextError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ConfigError(f"{path} does not exist; {what}") from error
        raise ConfigError(f"{path} can't be read: {error}; correct that") from error
    except UnreadableError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}; correct it") from None
    bad = [f"{each.what}, in line {each.node.start_mark.line + 1}" for each in document.bad]
    if bad:
        raise ConfigError(f"{path} is not valid YAML: a value {'; '.join(bad)}; correct it")
    found = copy.deepcopy(document.data)
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds no mapping but {type(found).__name__}; {what}")
    return cast(dict[str, Any], found)


@lru_cache(maxsize=32)
def _document(path: Path, text: str) -> Document:
    """Return a parsed file; each step of a run asks for the same few, ten times over."""
    return parsed(path, text)


def project_file(project_directory: Path) -> Mapping[str, Any]:
    """Return the content of `dbt_project.yml`, Jinja included."""
    return yaml_mapping(project_directory / "dbt_project.yml", "the dbt project needs one")


def profile_name(project_directory: Path, rendering: Rendering) -> str:
    """Return the profile that `dbt_project.yml` asks for."""
    name = project_file(project_directory).get("profile")
    file = project_directory / "dbt_project.yml"
    if not isinstance(name, str):
        raise ConfigError(f"{file}: profile: found {name!r}; name the project's profile there")
    return rendering.text(name, where=f"{file}: profile")


def _output(
    environment: Environment, directory: Path, name: str, rendering: Rendering
) -> tuple[str, dict[str, Any]]:
    file = directory / "profiles.yml"
    where = f"environment {environment.name!r}"
    profiles = yaml_mapping(
        file,
        f"{where} needs `connection:` or `profiles_directory:` in deploy.yaml, "
        "or a profiles.yml in the dbt project",
    )
    if not isinstance(profiles.get(name), dict):
        known = ", ".join(sorted(map(str, set(profiles) - {"config"})))
        raise ConfigError(
            f"{file} has no profile {name!r}, which dbt_project.yml names; it has: {known}"
        )
    profile = cast(dict[str, Any], profiles[name])
    listed = profile.get("outputs")
    outputs = cast(dict[str, Any], listed) if isinstance(listed, dict) else {}
    usual = str(profile.get("target") or "default")
    target = environment.target or rendering.text(usual, where=f"{file}: {name}.target")
    if not isinstance(outputs.get(target), dict):
        known = ", ".join(sorted(map(str, outputs))) or "none"
        raise ConfigError(
            f"{file} has no target {target!r} in profile {name!r}; it has: {known}; "
            f"set `target:` of {where} to one of them"
        )
    return target, cast(dict[str, Any], outputs[target])


def _profiles_directory(environment: Environment, project_directory: Path, tree: Path) -> Path:
    """Return the directory of profiles.yml; a link of the repository may not lead out of it."""
    named = Path(environment.profiles_directory or "").expanduser()
    directory = project_directory / named
    file = directory / "profiles.yml"
    real = os.path.realpath(file)
    is_inside = Path(real).is_relative_to(os.path.realpath(tree))
    if not named.is_absolute() and ".." not in named.parts and not is_inside:
        raise ConfigError(
            f"{os.path.relpath(file, tree)!r} is a link, which leads out of the repository, to "
            f"{real!r}; replace it by what it stands for"
        )
    return directory


def profile(
    environment: Environment,
    project_directory: Path,
    rendering: Rendering,
    *,
    tree: Path,
    target_name: str | None = None,
    threads: int | None = None,
    schema_override: str | None = None,
) -> Profile:
    """Return the profile for a run; raise `ConfigError` naming the missing part and its place.

    `tree` has the repository's files, `rendering` the variables that names of profiles and targets
    may ask for.
    `target_name` becomes `target.name` (JOB-4); None keeps the output's own name. Values asked of
    the run go over the job's settings, these over the environment's extended attributes (ENV-5),
    and these over everything else that the environment says.
    """
    name, directory = profile_name(project_directory, rendering), project_directory
    config: Mapping[str, Any] = {}
    if environment.connection is not None:
        target, base = environment.target or environment.name, environment.connection
    else:
        directory = _profiles_directory(environment, project_directory, tree)
        target, base = _output(environment, directory, name, rendering)
        config = _config(directory, project_directory)
    extended = environment.extended_attributes
    output = {**base, **extended}
    _require_adapter(environment, output.get("type"))
    _require_text_keys(environment, output)
    stated = schema_of({**extended, "type": output["type"]})
    own = stated or environment.target_schema
    if schema_override is not None:
        base_schema = own or schema_of(output) or ""
        refuse_other_capitals(schema_override, rendering.text(str(base_schema), where="schema"))
    schema = schema_override or own
    if schema is not None:
        output = with_schema(output, schema)
    wanted_threads = threads or extended.get("threads") or environment.threads
    if wanted_threads is not None:
        output["threads"] = wanted_threads
    return Profile(name, target_name or target, output, directory, config)


def _config(directory: Path, project_directory: Path) -> dict[str, Any]:
    """Return the flags in `profiles.yml`; the project's go over them, dbt refuses both."""
    found = yaml_mapping(directory / "profiles.yml", "the environment is in it").get("config")
    has_own = bool(project_file(project_directory).get("flags"))
    return cast(dict[str, Any], found) if isinstance(found, dict) and not has_own else {}


def _require_text_keys(environment: Environment, value: object) -> None:
    """Refuse a key such as `true` or `1` at any depth, which no adapter knows."""
    if isinstance(value, Mapping):
        for key, each in cast(Mapping[object, object], value).items():
            if not isinstance(key, str):
                raise ConfigError(
                    f"the connection of environment {environment.name!r} has the key "
                    f"{str(key)[:80]}, which is no text; put it in quotes"
                )
            _require_text_keys(environment, each)
    elif isinstance(value, list):
        for each in cast(list[object], value):
            _require_text_keys(environment, each)


def _require_adapter(environment: Environment, found: object) -> None:
    """Refuse a type that is no adapter's name: it comes from git, and names a path and package."""
    if not found:
        raise ConfigError(
            f"the connection of environment {environment.name!r} has no `type`: name the adapter"
        )
    if not isinstance(found, str) or not _ADAPTER.fullmatch(found):
        raise ConfigError(
            f"the connection of environment {environment.name!r} has the `type` "
            f"{str(found)[:80]!r}, which is no adapter's name; write one such as `duckdb`, "
            "without Jinja"
        )
