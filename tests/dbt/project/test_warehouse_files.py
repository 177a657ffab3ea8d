from typing import Any

import pytest

from deploy_project.dbt.project.rendering import Rendering
from deploy_project.dbt.project.warehouse_files import (
    databases,
    inside,
    is_in_memory,
    key_files,
    placed,
)

SEEN = Rendering({"DBT_FILE": "by_name.duckdb", "DBT_ABSOLUTE": "/data/a.duckdb"})


def found(output: dict[str, Any]) -> dict[str, str]:
    return {
        each.label: each.prefix + each.path for each in databases(output, SEEN) if each.is_stated
    }


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"type": "duckdb", "path": "w.duckdb"}, {"path": "w.duckdb"}),
        ({"type": "duckdb", "path": "../w.duckdb"}, {"path": "../w.duckdb"}),
        ({"type": "duckdb", "path": "{{ env_var('DBT_FILE') }}"}, {"path": "by_name.duckdb"}),
        ({"type": "duckdb", "path": "{{ env_var('DBT_ABSOLUTE') }}"}, {}),
        *(
            ({"type": "duckdb", "path": path}, {})
            for path in (":memory:", "/a/w.duckdb", "md:shop", "~/w.duckdb", "s3://b/w.duckdb")
        ),
        ({"type": "duckdb", "path": "ducklake:meta.ducklake"}, {"path": "ducklake:meta.ducklake"}),
        ({"type": "duckdb", "path": "ducklake:sqlite:m.db"}, {"path": "ducklake:sqlite:m.db"}),
        ({"type": "duckdb", "path": "ducklake:postgres:dbname=x"}, {}),
        (
            {
                "type": "duckdb",
                "attach": [
                    {"path": "raw.duckdb"},
                    {"path": "/abs.duckdb"},
                    {"path": "notes.db", "type": "sqlite"},
                    {"path": "dbname=x host=y", "type": "postgres"},
                    {"path": "ducklake:l.ducklake", "options": {"data_path": "lake"}},
                ],
            },
            {
                "attach[0].path": "raw.duckdb",
                "attach[2].path": "notes.db",
                "attach[4].path": "ducklake:l.ducklake",
                "attach[4].options.data_path": "lake",
            },
        ),
        ({"type": "duckdb", "external_root": "out"}, {"external_root": "out"}),
        (
            {"type": "duckdb", "settings": {"secret_directory": "s", "temp_directory": "t"}},
            {"settings.secret_directory": "s"},
        ),
        (
            {
                "type": "sqlite",
                "schema_directory": "dbs",
                "schemas_and_paths": {"main": "m.db", "other": "/o.db"},
            },
            {"schema_directory": "dbs", "schemas_and_paths.main": "m.db"},
        ),
        ({"type": "postgres", "path": "x"}, {}),
    ],
)
def test_the_relative_paths_of_databases(output: dict[str, Any], expected: dict[str, str]):
    assert found(output) == expected


def test_external_models_have_a_place_also_where_none_is_named():
    root = next(each for each in databases({"type": "duckdb", "path": "/a"}, SEEN))
    assert (root.label, root.path, root.is_directory, root.is_stated) == (
        *("external_root", "."),
        *(True, False),
    )


def test_paths_are_replaced_where_they_stand():
    output = {"type": "duckdb", "path": "a", "attach": [{"path": "b", "alias": "x"}, {"path": "c"}]}
    made = placed(output, {("path",): "/1", ("attach", 1, "path"): "/3", ("external_root",): "/4"})
    assert made == {
        "type": "duckdb",
        "path": "/1",
        "attach": [{"path": "b", "alias": "x"}, {"path": "/3"}],
        "external_root": "/4",
    }
    assert output["path"] == "a"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("w.duckdb", "w.duckdb"),
        ("./a/../w.duckdb", "w.duckdb"),
        ("../w.duckdb", "up/w.duckdb"),
        ("../../x/../w.duckdb", "up/up/w.duckdb"),
        (".", "."),
    ],
)
def test_no_path_leads_out_of_the_place_for_warehouses(path: str, expected: str):
    assert str(inside(path)) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"type": "duckdb"}, True),
        ({"type": "duckdb", "path": ":memory:"}, True),
        ({"type": "duckdb", "path": "w.duckdb"}, False),
        ({"type": "postgres"}, False),
    ],
)
def test_what_keeps_nothing(output: dict[str, Any], expected: bool):
    assert is_in_memory(output, SEEN) is expected


def test_key_files_are_told_by_their_key_and_by_being_there():
    output = {
        "keyfile": "keys/a.json",
        "private_key_path": "{{ env_var('DBT_FILE') }}",
        "sslrootcert": "ca.pem",
        "http_path": "sql/1",
        "host": "keys/a.json",
        "token_path": "/abs",
        "sslmode": "require",
        "secrets": [
            {"type": "azure", "client_certificate_path": "keys/a.json", "scope": "ca.pem"},
            {"type": "s3", "region": "keys/a.json", 7: "ca.pem"},
            7,
        ],
    }
    there = {"keys/a.json", "by_name.duckdb", "ca.pem"}
    named = {each.label: each.path for each in key_files(output, SEEN, there.__contains__)}
    assert named == {
        "keyfile": "keys/a.json",
        "private_key_path": "by_name.duckdb",
        "sslrootcert": "ca.pem",
        "secrets[0].client_certificate_path": "keys/a.json",
    }
