"""A parse that starts from that of another commit is the same as one from scratch."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from deploy_project.dbt.processes import children, process
from deploy_project.dbt.processes.process import Invocation
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.dbt.project.contents import contents, differing, needs_all
from tests.support.changing_project import CHANGES, PROJECT, WRONG, Change

PYTHON = Path(sys.executable)
PARTIAL, MANIFEST = "partial_parse.msgpack", "manifest.json"
OF_A_PARSE = ("generated_at", "invocation_id", "invocation_started_at", "run_started_at")


def write(files: Mapping[str, str | None], directory: Path) -> None:
    for name, text in files.items():
        file = directory / name
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as one commit has it, with its package installed."""
    directory = tmp_path_factory.mktemp("before")
    write(PROJECT, directory)
    (directory / "dbt_packages").mkdir()
    (directory / "dbt_packages" / "util").symlink_to("../util")
    return directory


def copied(before: Path, place: Path, change: Change) -> Path:
    """Return a copy of the project with the change."""
    made = shutil.copytree(before, place, symlinks=True)
    write(change.files, made)
    if "extra/dbt_project.yml" in change.files:
        (made / "dbt_packages" / "extra").symlink_to("../extra")
    return made


def read(project: Path) -> dict[str, str]:
    roots = [project, *(each for each in project.glob("dbt_packages/*"))]
    return contents(roots, tree=project)


def parsed(project: Path, target: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Parse a project in a process that has not parsed before, and return its manifest."""
    said: list[str] = []
    invocation = Invocation(
        arguments=("parse",),
        python=PYTHON,
        project_directory=project,
        profiles_directory=project,
        target_directory=target,
        debug_log=target / "dbt.log",
        temporary=target / "tmp",
        inherited={"PATH": os.environ["PATH"]},
        variables=variables,
    )
    ended = process.run(
        invocation, scrubber=Scrubber([]), on_event=lambda _: None, on_line=said.append
    )
    assert ended.code == 0, said
    return json.loads((target / MANIFEST).read_bytes())


def plain(value: Any) -> Any:
    """Return a manifest without what tells when it was made, and without the order of maps."""
    if isinstance(value, dict):
        found = cast(dict[str, Any], value)
        kept = {key: plain(each) for key, each in found.items() if key != "created_at"}
        for name in ("parent_map", "child_map", "group_map"):
            kept |= {name: {k: sorted(v) for k, v in (kept.get(name) or {}).items()}}
        return kept if "metadata" in kept else {k: v for k, v in kept.items() if k in found}
    return [plain(each) for each in cast(list[Any], value)] if isinstance(value, list) else value


def compared(manifest: dict[str, Any]) -> dict[str, Any]:
    of_a_parse = {key: "" for key in OF_A_PARSE if key in manifest["metadata"]}
    return plain({**manifest, "metadata": {**manifest["metadata"], **of_a_parse}})


def step(before: Path, after: Path) -> bool:
    return needs_all(read(before), read(after), after)


SCRATCH = (
    *(WRONG - {"enabled false"}),
    *("enabled false", "model disabled in its file", "model enabled in its file"),
    *("macro edited", "macro added", "macro deleted", "macro deleted with its call"),
    *("generate_schema_name edited", "generate_schema_name deleted", "generate_alias_name added"),
    *("macro of a hook edited", "hook", "vars", "package added", "package removed"),
    *("generic test edited", "doc block", "ignored files", "metric", "function added"),
)
"""The changes whose commit is parsed from scratch."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_could_go_wrong_is_parsed_from_scratch(
    name: str, before: Path, tmp_path: Path
):
    after = copied(before, tmp_path / "after", CHANGES[name])
    assert step(before, after) == (name in SCRATCH)
    changed = {Path(each).name for each in CHANGES[name].files if not each.endswith(".csv")}
    assert changed <= {Path(each).name for each in differing(read(before), read(after))}


@pytest.fixture(scope="module")
def parse_before(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the parse of the commit before."""
    children.keep_warm(PYTHON, {})
    target = tmp_path_factory.mktemp("target")
    parsed(before, target, {})
    return target


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in CHANGES if each not in SCRATCH])
def test_the_parse_of_the_commit_before_leads_to_the_same_manifest(
    name: str, before: Path, parse_before: Path, tmp_path: Path
):
    change = CHANGES[name]
    after = copied(before, tmp_path / "after", change)
    lent = tmp_path / "lent"
    lent.mkdir()
    shutil.copyfile(parse_before / PARTIAL, lent / PARTIAL)
    found = parsed(after, lent, change.variables)
    log = (lent / "dbt.log").read_text(encoding="utf-8")
    assert "Unable to do partial parsing" not in log
    assert "an error occurred. Switching to full reparse" not in log
    assert compared(found) == compared(parsed(after, tmp_path / "scratch", change.variables))
