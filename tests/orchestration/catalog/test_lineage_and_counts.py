from pathlib import Path

import pytest

from deploy_project.orchestration.catalog.lineage_and_counts import compiled_code


@pytest.mark.parametrize(
    ("path", "original", "written"),
    [
        ("marts/orders.sql", "models/marts/orders.sql", "models/marts/orders.sql"),
        ("not_null_id.sql", "models/marts/a.yml", "models/marts/a.yml/not_null_id.sql"),
        ("six.sql", "tests/six.sql", "tests/six.sql"),
        ("history.sql", "snapshots/all.sql", "snapshots/all.sql/history.sql"),
    ],
    ids=["model", "generic test", "singular test", "one of several snapshots"],
)
def test_compiled_code_lies_where_dbt_puts_it(
    tmp_path: Path, path: str, original: str, written: str
):
    file = tmp_path / "shop" / written
    file.parent.mkdir(parents=True)
    file.write_text("select 1", encoding="utf-8")
    node = {"package_name": "shop", "path": path, "original_file_path": original}
    assert compiled_code(tmp_path, node) == "select 1"
    assert compiled_code(tmp_path, {**node, "package_name": "other"}) == ""


def test_a_node_without_a_file_has_no_code(tmp_path: Path):
    assert compiled_code(tmp_path, {}) == ""
