"""`deploy-project import`: writes deploy.yaml and jobs.yml, made of an account of dbt Cloud's."""

import tempfile
from argparse import Namespace
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pydantic import SecretStr

from deploy_project.cli.importing.cloud_account import read_account
from deploy_project.cli.importing.cloud_api import CloudApi
from deploy_project.cli.importing.conversion import Files, files
from deploy_project.cli.importing.fitting import fitting
from deploy_project.cli.new_files import next_steps, write_all
from deploy_project.config.environment import variable
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.writing.quoted_yaml import quoted_yaml
from deploy_project.errors import ConfigError

DEPLOY, JOBS = "deploy.yaml", "jobs.yml"
_DAGSTERS = ("workspace.yaml", "dagster.yaml")
_HEAD = "# Imported from account {account} of dbt Cloud by `deploy-project import`.\n"


def import_account(*, account: int, token_env: str, url: str, directory: Path) -> int:
    """Write the files into `directory`, and print all that they lack.

    Raises `ConfigError`, before anything is asked or written, when one of them exists.
    """
    existing = [str(directory / name) for name in (DEPLOY, JOBS) if (directory / name).exists()]
    if existing:
        raise ConfigError(
            f"these files exist and are not overwritten: {', '.join(existing)}; move them away, or "
            "choose another place with --directory"
        )
    token = variable(token_env)
    if not token:
        raise ConfigError(
            f"environment variable {token_env!r} is not set; set it to a token of dbt Cloud that "
            "may read the account"
        )
    found = read_account(CloudApi(url, account, SecretStr(token)))
    wanted = fitting(files(found), _load)
    texts = {**_texts(wanted), **_missing(directory)}
    write_all(texts, directory)
    print("\n".join(["Wrote", *(f"  {directory / name}" for name in texts)]))
    print("\n".join(["", "Not taken:", *(f"  {each}" for each in wanted.left_out)]))
    print("\n".join(next_steps(directory)))
    return 0


def _texts(wanted: Files) -> dict[str, str]:
    head = _HEAD.format(account=wanted.jobs["account_id"])
    return {DEPLOY: head + quoted_yaml(wanted.deploy), JOBS: head + quoted_yaml(wanted.jobs)}


def _load(wanted: Files) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        write_all(_texts(wanted), root)
        load_deployment(root / DEPLOY, state=root / ".deploy")


def _missing(directory: Path) -> Mapping[str, str]:
    """Return Dagster's two files, as far as they are not there."""
    templates = resources.files("deploy_project.cli.commands") / "templates"
    return {
        name: (templates / name).read_text(encoding="utf-8")
        for name in _DAGSTERS
        if not (directory / name).exists()
    }


def act(given: Namespace) -> int:
    """Carry out `import` as it was given on the command line; return the exit code."""
    return import_account(
        account=given.account,
        token_env=given.token_env,
        url=given.url,
        directory=Path(given.directory),
    )
