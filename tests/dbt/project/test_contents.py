"""A parse that starts from that of another commit is the same as one from scratch."""

import shutil
import textwrap
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from deploy_project.dbt.project.contents import contents, differing, needs_all
from tests.support.deployments.changing_project import CHANGES, PROJECT, WRONG, Change
from tests.support.running.parser_process import Parser

PARTIAL = "partial_parse.msgpack"
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
def parser() -> Generator[Parser]:
    made = Parser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def parse_before(parser: Parser, before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of dbt's parse of the commit before."""
    target = tmp_path_factory.mktemp("target")
    parser.manifest(before, target, {})
    return target / PARTIAL


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in CHANGES if each not in SCRATCH])
def test_the_parse_of_the_commit_before_leads_to_the_same_manifest(
    name: str, parser: Parser, before: Path, parse_before: Path, tmp_path: Path
):
    variables = CHANGES[name].variables
    after = copied(before, tmp_path / "after", CHANGES[name])
    lent = tmp_path / "lent"
    lent.mkdir()
    shutil.copyfile(parse_before, lent / PARTIAL)
    found = parser.manifest(after, lent, variables)
    log = (lent / "dbt.log").read_text(encoding="utf-8")
    assert "Partial parsing enabled" in log
    assert "Unable to do partial parsing" not in log
    whole = parser.manifest(after, tmp_path / "scratch", variables)
    assert compared(found) == compared(whole)
