"""Packages that stand for dbt, for uv to install without a network."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest


def wheel(directory: Path, name: str, version: str, *requires: str) -> None:
    """Put a wheel with nothing in it but its name into `directory`."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    info: Mapping[str, str] = {
        "METADATA": "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), ""]),
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / f"{stem}-py3-none-any.whl", "w") as archive:
        for file, content in info.items():
            archive.writestr(f"{stem}.dist-info/{file}", content)


def index(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv find a few versions of dbt in `directory`, and nothing anywhere else."""
    for version in ("1.7.3", "1.9.1", "1.9.4"):
        wheel(directory, "dbt-core", version)
    wheel(directory, "dbt-fake", "1.9.2", "dbt-core>=1.9")
    wheel(directory, "dbt-mysql", "1.7.0", "dbt-core>=1.7,<1.8")
    configuration = directory / "uv.toml"
    configuration.write_text(f'no-index = true\nfind-links = ["{directory}"]\n', encoding="utf-8")
    monkeypatch.setenv("UV_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("UV_CACHE_DIR", str(directory.parent / "cache"))
