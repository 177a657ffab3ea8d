"""The SQL files of a dbt project, from its manifest, and those that differ from another one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from deploy_project.dbt.artifacts.results import Readable, document

Contents = Mapping[str, frozenset[tuple[str, str]]]
"""By file, relative to the dbt project: the ids of its nodes and macros, with text or checksum."""


def sql_files(manifest: Readable, *, project: str) -> Contents:
    """Return the SQL files of `project`, which is one dbt package, that `manifest` knows.

    Those of models, snapshots, analyses, singular tests and macros; disabled ones, too. Raises
    `DbtError` when it can't be read.
    """
    with document(manifest, "manifest") as content:
        found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for each in _entries(content):
            file = str(each["original_file_path"])
            if each["package_name"] == project and file.endswith(".sql"):
                found[file].add((str(each["unique_id"]), _text(each)))
    return {file: frozenset(parts) for file, parts in found.items()}


def changed(now: Contents, before: Contents) -> list[str]:
    """Return the files of `now` that are new or differ, sorted."""
    return sorted(file for file, parts in now.items() if parts != before.get(file))


def _entries(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from content["nodes"].values()
    yield from content["macros"].values()
    disabled: Mapping[str, Any] = content.get("disabled") or {}
    for versions in disabled.values():
        yield from versions


def _text(entry: Mapping[str, Any]) -> str:
    """Return the text of a macro, the checksum of a node's file; generic tests have neither."""
    if "macro_sql" in entry:
        return str(entry["macro_sql"])
    checksum: Mapping[str, Any] = entry.get("checksum") or {}
    return str(checksum.get("checksum", ""))
