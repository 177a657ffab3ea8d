"""Record the artifacts of `shop`: `python tests/recorded/record.py <dbt executable>`."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEPT = {
    *("unique_id", "name", "alias", "resource_type", "package_name", "path", "original_file_path"),
    *("fqn", "depends_on", "database", "schema", "relation_name", "group", "tags", "config"),
    *("description", "columns", "source_name", "identifier", "freshness", "type", "owner"),
}


def node(full: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in full.items() if key in KEPT}
    kept.get("depends_on", {}).pop("macros", None)
    return kept


def trimmed(name: str, full: dict[str, Any]) -> dict[str, Any]:
    if name == "manifest.json":
        full["metadata"].pop("user_id", None)
        for kind in ("nodes", "sources", "exposures", "unit_tests"):
            full[kind] = {key: node(value) for key, value in full[kind].items()}
        for kind in ("macros", "docs", "disabled", "selectors"):
            full[kind] = {}
    if name == "run_results.json":
        full["args"] = {"which": full["args"]["which"]}
        for result in full["results"]:
            result.pop("compiled_code")
    return full


def main(dbt: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        shop = Path(scratch) / "shop"
        shutil.copytree(HERE / "shop", shop)
        for command, kept in (
            ("build", ["run_results.json", "manifest.json"]),
            ("source freshness", ["sources.json"]),
            ("docs generate --exclude uncompilable", ["catalog.json"]),
        ):
            words = [dbt, "--quiet", *command.split(), "--profiles-dir", "."]
            subprocess.run(words, cwd=shop, check=False)
            for name in kept:
                full = json.loads((shop / "target" / name).read_bytes())
                minor = full["metadata"]["dbt_version"].rpartition(".")[0]
                text = json.dumps(trimmed(name, full), indent=1, sort_keys=True)
                assert scratch not in text, f"{name} names a path of this machine"
                target = HERE / f"dbt-{minor}" / name
                target.parent.mkdir(exist_ok=True)
                target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
