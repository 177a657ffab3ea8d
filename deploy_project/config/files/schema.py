"""JSON schemas of deploy.yaml and the jobs files; `python -m` writes them to docs/schema."""

import json
from pathlib import Path
from typing import Any

from deploy_project.config.files.deploy_file import DeployFile
from deploy_project.config.files.jobs_file import JobsFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def deploy_schema() -> dict[str, Any]:
    """Return the JSON schema of deploy.yaml."""
    schema = DeployFile.model_json_schema()
    return {"$schema": _DIALECT, **schema, "required": ["projects", "environments"]}


def jobs_schema() -> dict[str, Any]:
    """Return the JSON schema of a jobs file."""
    return {"$schema": _DIALECT, **JobsFile.model_json_schema()}


def texts() -> dict[str, str]:
    """Return the text of each schema file by its name."""
    schemas = {"deploy.schema.json": deploy_schema(), "jobs.schema.json": jobs_schema()}
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def write(directory: Path) -> None:
    """Write the schemas to `directory`, which is made when it does not exist."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path("docs/schema"))
