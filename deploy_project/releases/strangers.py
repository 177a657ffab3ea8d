"""Pull requests as strangers: the limits of each, by the word of trusted code alone (DESIGN 15).

Trusted are deploy.yaml, the jobs files and the commit that is deployed. What only the pull
request's own files name is not opened, neither by its processes nor for them.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deploy_project.config.state import Checkout
from deploy_project.config.values.deployment import PullRequestRules
from deploy_project.config.values.passed import by_default, names_a_file_for_dbt
from deploy_project.dbt.processes import sandbox
from deploy_project.dbt.processes.sandbox import Sandbox
from deploy_project.dbt.project import duckdb_files
from deploy_project.dbt.project.env_vars import asked
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.dbt.project.warehouse_files import databases, divided, is_lake, lake
from deploy_project.errors import ConfigError
from deploy_project.releases.given import Given
from deploy_project.releases.trees import is_file
from deploy_project.releases.warehouses import Warehouse

_REFUSALS = ("Permission denied", "Operation not permitted", "Invalid cross-device link")
_WHY = (
    "The sandbox of pull requests refuses what is not this run's own: docs/security.md has what it "
    "may reach, and `connection:` of deploy.yaml can name more"
)
_SOCKET_KEYS = ("host", "server", "socket", "unix_socket")
_DIRECTORY_KEYS = ("_directory", "data_path", "external_root", "module_paths")
_DIRECTORY_OF_FILES = ("filesystems", "path")


@dataclass(frozen=True)
class Trusted:
    """The files of a connection, and variables of our environment, that trusted code states."""

    databases: frozenset[Path] = frozenset()
    """Those that are built in: a pull request gets copies of them, and never sees them."""
    references: frozenset[Path] = frozenset()
    """The others, such as attached databases and keys: a pull request may read them."""
    directories: frozenset[Path] = frozenset()
    """The same, of directories."""
    unix_sockets: bool = False
    """Whether `connection:` of deploy.yaml names one."""
    variables: frozenset[str] = frozenset()
    """The variables that `pass_variables:` names, or the connection asks for."""

    def names(self, path: Path) -> bool:
        """Return whether trusted code names a path, so that it may be looked at here."""
        return path in self.databases or path in self.references or path in self.directories


@dataclass(frozen=True)
class Stranger:
    """A pull request as a program of somebody's: its rules, and the files that it may reach."""

    name: str
    """What is kept of it is kept under this name, for its own runs alone."""
    rules: PullRequestRules
    trusted: Trusted
    copies: Path
    """The directory for its copies of production's DuckDB files."""
    base: Checkout
    """The commit that is trusted, as it is deployed or on the environment's branch."""
    package_mirrors: Path
    """The directory of mirrors of the packages that it names."""

    @property
    def is_held(self) -> bool:
        """Whether its processes have a sandbox, as whole as this kernel can make it."""
        return self.rules.sandbox != "off" and sandbox.is_possible()

    def why(self, said: str) -> str:
        """Return the line that explains a refusal of the kernel's in `said`; empty for none."""
        return _WHY if self.is_held and any(words in said for words in _REFUSALS) else ""

    def sandbox(
        self, given: Given, *, reads: tuple[Path, ...] = (), writes: tuple[Path, ...]
    ) -> Sandbox | None:
        """Return the sandbox of its processes; None where it is off, or there can't be any."""
        if not self.is_held:
            return None
        closed = (*self.trusted.databases, self.copies)
        open_ones = (each for each in self.trusted.directories if not _has_any(each, closed))
        named = (*self.trusted.references, *open_ones)
        return Sandbox(
            reads=(*reads, *sorted(named), *_files(given), *_extensions(given)),
            writes=writes,
            unix_sockets=self.trusted.unix_sockets,
            ports=self.rules.network,
            memory=self.rules.memory,
        )


def refuse_unheld(rules: PullRequestRules) -> None:
    """Raise `ConfigError` where a sandbox is required, and this machine can't hold it whole."""
    left = sandbox.not_held()
    if rules.sandbox == "required" and left:
        raise ConfigError(
            f"pull requests need a sandbox here, and this machine can't hold {', '.join(left)}: it "
            "needs Linux 6.12 or later with Landlock; run Dagster there, or set "
            "`pull_requests.sandbox: when_possible`"
        )


def warnings(rules: PullRequestRules) -> list[str]:
    """Return the lines that name, in capitals, the limits that a stranger's code is not held to."""
    left = sandbox.not_held()
    if rules.sandbox == "off":
        return ["*** WARNING: THE SANDBOX IS OFF: THIS RUN'S CODE MAY DO ALL THAT WE MAY ***"]
    if left:
        what = ", ".join(left).upper()
        return [f"*** WARNING: THIS RUN'S CODE IS NOT HELD BY A SANDBOX AS TO: {what} ***"]
    return []


def trusted(
    output: Mapping[str, Any],
    rendering: Rendering,
    warehouse: Warehouse,
    *,
    is_ours: bool,
    passed: Collection[str],
) -> Trusted:
    """Return the files that an output of trusted code names, whether they are there or not.

    `is_ours` is for `connection:` of deploy.yaml, which alone may name a UNIX socket. Variables
    are those that the output asks for, and those that deploy.yaml has `passed`.
    """
    files, directories = set[Path](), set[Path]()
    for each in databases(output, rendering):
        (directories if each.is_directory else files).add(warehouse.path(each))
        if is_lake(each.prefix):
            directories.add(lake(warehouse.path(each)))
    built_in = duckdb_files.database_file(output, rendering)
    own = {built_in} if built_in is not None else set[Path]()
    references, sockets = set[Path](), False
    for key, value in _texts(output, ()):
        with suppress(ConfigError):
            text = rendering.text(value, where=".".join(key))
            prefix, text = divided(text) if key[0] == "attach" else ("", text)
            path = Path(text).expanduser()
            if path.is_absolute() and is_ours and key[-1] in _SOCKET_KEYS:
                sockets = True
            elif path.is_absolute() and (
                key[-1].endswith(_DIRECTORY_KEYS) or key == _DIRECTORY_OF_FILES
            ):
                directories.add(path)
            elif path.is_absolute() and is_file(path):
                references.add(path)
                if is_lake(prefix):
                    directories.add(lake(path))
    own |= files
    return Trusted(
        databases=frozenset(own),
        references=frozenset(references - own),
        directories=frozenset(directories),
        unix_sockets=sockets,
        variables=frozenset((*passed, *(each.name for each in asked(output)))),
    )


def _has_any(directory: Path, files: Iterable[Path]) -> bool:
    """Return whether one of `files` is below a directory, wherever links lead."""
    real = os.path.realpath(directory)
    return any(Path(os.path.realpath(each)).is_relative_to(real) for each in files)


def _texts(value: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text in an output, with its keys."""
    if isinstance(value, str):
        yield key or ("",), value
    elif isinstance(value, Mapping):
        for name, each in cast(Mapping[Any, Any], value).items():
            yield from _texts(each, (*key, str(name)))
    elif isinstance(value, list):
        for each in cast(list[Any], value):
            yield from _texts(each, key)


def _files(given: Given) -> list[Path]:
    """Return the files that dbt's variables name, such as the login of a cloud; git's not."""
    values = [
        value
        for name, value in given.inherited.items()
        if names_a_file_for_dbt(name) or not by_default(name)
    ]
    found = (Path(each) for each in (*values, *given.variables.values()))
    return [each for each in found if each.is_absolute() and is_file(each)]


def _extensions(given: Given) -> list[Path]:
    """Return the directory of the DuckDB extensions that are installed already."""
    home = given.inherited.get("HOME")
    return [Path(home, ".duckdb", "extensions")] if home and os.path.isabs(home) else []
