"""Which SQL files of a project differ from those of another manifest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy_project.dbt.artifacts.sql_files import changed, sql_files


def node(name: str, checksum: str | None, *, file: str = "", package: str = "shop") -> Any:
    found = {"name": "sha256", "checksum": checksum} if checksum else None
    return {
        "unique_id": f"model.{package}.{name}",
        "package_name": package,
        "original_file_path": file or f"models/{name}.sql",
        **({"checksum": found} if found else {}),
    }


def macro(name: str, sql: str, file: str = "macros/all.sql") -> Any:
    unique_id = f"macro.shop.{name}"
    return {
        "unique_id": unique_id,
        "package_name": "shop",
        "original_file_path": file,
        "macro_sql": sql,
    }


def manifest(
    file: Path, *nodes: Any, macros: tuple[Any, ...] = (), disabled: tuple[Any, ...] = ()
) -> Path:
    content: Mapping[str, Any] = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
        "nodes": {each["unique_id"]: each for each in nodes},
        "macros": {each["unique_id"]: each for each in macros},
        "disabled": {each["unique_id"]: [each] for each in disabled},
    }
    file.write_text(json.dumps(content))
    return file


def test_the_files_are_those_of_sql_in_the_project_itself(tmp_path: Path):
    file = manifest(
        tmp_path / "manifest.json",
        node("orders", "1"),
        node("python", "1", file="models/python.py"),
        node("generic", None, file="models/schema.yml"),
        node("theirs", "1", package="dbt_utils"),
        macros=(macro("cents", "…"),),
        disabled=(node("off", "1"),),
    )
    found = sql_files(file, project="shop")
    assert set(found) == {"models/orders.sql", "macros/all.sql", "models/off.sql"}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([node("a", "1"), node("b", "1")], []),
        ([node("a", "2"), node("b", "1")], ["models/a.sql"]),
        ([node("b", "1"), node("gone", "1")], ["models/a.sql"]),
        ([], ["models/a.sql", "models/b.sql"]),
        ([node("a", "1", file="models/old/a.sql"), node("b", "1")], ["models/a.sql"]),
    ],
    ids=["same", "differs", "new", "no state", "moved"],
)
def test_a_file_has_changed_when_its_content_has(
    before: list[Any], expected: list[str], tmp_path: Path
):
    now = sql_files(manifest(tmp_path / "now.json", node("a", "1"), node("b", "1")), project="shop")
    old = sql_files(manifest(tmp_path / "old.json", *before), project="shop")
    assert changed(now, old) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((macro("x", "1"), macro("y", "1")), []),
        ((macro("x", "1"), macro("y", "2")), ["macros/all.sql"]),
        ((macro("x", "1"), macro("y", "1"), macro("gone", "1")), ["macros/all.sql"]),
    ],
    ids=["same", "differs", "taken out"],
)
def test_a_file_of_macros_has_changed_when_one_of_them_has(
    before: tuple[Any, ...], expected: list[str], tmp_path: Path
):
    now = manifest(tmp_path / "now.json", macros=(macro("x", "1"), macro("y", "1")))
    old = manifest(tmp_path / "old.json", macros=before)
    assert changed(sql_files(now, project="shop"), sql_files(old, project="shop")) == expected
