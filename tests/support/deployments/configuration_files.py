"""Writes configurations and loads them, or tells their problems."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError

DEPLOY = """
projects:
  shop: {id: 7, repository: https://github.com/acme/shop.git}
environments:
  production: {id: 11, type: production, branch: main}
  staging: {id: 12, type: staging, branch: staging}
"""


@dataclass(frozen=True)
class Configuration:
    """A directory with deploy.yaml and other files."""

    root: Path

    def write(self, files: dict[str, str]) -> None:
        for name, text in {"deploy.yaml": DEPLOY, "jobs.yml": "", **files}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")

    def load(self, files: dict[str, str] | None = None) -> Deployment:
        self.write(files or {})
        return load_deployment(self.root / "deploy.yaml", state=self.root / "state")

    def problems(self, files: dict[str, str]) -> list[str]:
        """Return the lines of the error, without the directory."""
        with pytest.raises(ConfigError) as raised:
            self.load(files)
        return str(raised.value).replace(f"{self.root}/", "").splitlines()
