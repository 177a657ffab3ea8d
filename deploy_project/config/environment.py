"""The environment variables of this process; no other module reads them."""

import os
import platform
import pwd
from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values import passed
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.errors import ConfigError

CONFIG = "DEPLOY_CONFIG"
STATE = "DEPLOY_STATE"
DAGSTER_HOME = "DAGSTER_HOME"
DAGSTER_URL = "DEPLOY_DAGSTER_URL"
DOCS_URL = "DEPLOY_DOCS_URL"
_STORE_CREDENTIALS = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "FSSPEC_S3_SECRET", "FSSPEC_S3_TOKEN"),
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"),
    "AZURE_CLIENT_SECRET",
)


@dataclass(frozen=True)
class Settings:
    """The configuration file and the state directory of this process, with absolute paths."""

    config_file: Path
    state: StateDirectory


def settings() -> Settings:
    """Return the settings that the environment variables and the working directory name.

    The configuration is `DEPLOY_CONFIG`, else `deploy.yaml` in the working directory, else the
    embedded example. The state is `DEPLOY_STATE`, else `.deploy` beside the configuration; for
    the embedded example, `.deploy` in the working directory.
    """
    here = Path.cwd()
    beside = here / "deploy.yaml"
    named = os.environ.get(CONFIG)
    example = Path(str(resources.files("deploy_project"))) / "example" / "deploy.yaml"
    config = Path(named).absolute() if named else beside if beside.is_file() else example
    default = (here if config == example else config.parent) / ".deploy"
    state = Path(os.environ.get(STATE) or default).absolute()
    return Settings(config_file=config, state=StateDirectory(state))


def is_example(config_file: Path) -> bool:
    """Return whether `config_file` is the embedded example's."""
    return config_file == Path(str(resources.files("deploy_project"))) / "example" / "deploy.yaml"


def addressed(deployment: Deployment) -> Deployment:
    """Return `deployment` with the addresses that `DEPLOY_DAGSTER_URL` and `DEPLOY_DOCS_URL` name.

    They take the place of `dagster_url:` and `docs_url:`, for a Dagster on other ports.
    """
    return replace(
        deployment,
        dagster_url=os.environ.get(DAGSTER_URL) or deployment.dagster_url,
        docs_url=os.environ.get(DOCS_URL) or deployment.docs_url,
    )


def address(*, dagster_url: str, docs_url: str) -> None:
    """Set both addresses for this process and its children."""
    os.environ[DAGSTER_URL], os.environ[DOCS_URL] = dagster_url, docs_url


def be_at_home() -> None:
    """Set `DAGSTER_HOME` to the working directory where that has a dagster.yaml, unless it is set.

    Dagster takes that file all the same, but says that a temporary directory will be removed.
    """
    if (Path.cwd() / "dagster.yaml").is_file():
        os.environ.setdefault(DAGSTER_HOME, str(Path.cwd()))


def dagster_home() -> Path | None:
    """Return the directory that `DAGSTER_HOME` names; None when it names none."""
    named = os.environ.get(DAGSTER_HOME)
    return Path(named).expanduser().absolute() if named else None


def variable(name: str) -> str | None:
    """Return the value of a variable that other software names; None when it is not set."""
    return os.environ.get(name)


def person() -> str:
    """Return the name of this process's user and machine, such as `ada@laptop`."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user often has no name
        name = str(os.getuid())
    return f"{name}@{platform.node()}"


def tick_seconds() -> float:
    """Return how long Dagster waits for the tick of a sensor: 60 seconds unless it is told."""
    names = ("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "DAGSTER_GRPC_TIMEOUT_SECONDS")
    told = next(filter(None, map(os.environ.get, names)), "")
    return float(told) if told.isdecimal() else 60.0


def load_dotenv() -> None:
    """Take over the variables of `.env` in the working directory, as Dagster's processes do."""
    os.environ.update(
        {k: v for k, v in dotenv_values(Path.cwd() / ".env").items() if v is not None}
    )


def reveal(secret: Secret, *, wanted_by: str) -> SecretStr:
    """Return the value of `secret`; raise `ConfigError` naming `wanted_by` when there is none."""
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            raise ConfigError(
                f"{wanted_by}: {secret} is not set; set it where Dagster's processes start"
            )
        return SecretStr(value)
    assert secret.file is not None
    try:
        return SecretStr(small_files.text_of(secret.file).removesuffix("\n"))
    except small_files.NoTextError as error:
        raise ConfigError(
            f"{wanted_by}: {secret} can't be read: {error}; create it, readable by Dagster's user"
        ) from error


def store_credentials() -> list[str]:
    """Return the secrets of object stores, from the environment variables their drivers read."""
    found = {name: os.environ[name] for name in _STORE_CREDENTIALS if name in os.environ}
    return passed.credentials(found)


def inherited() -> dict[str, str]:
    """Return the user's own variables, so that git works as it does in the user's shell.

    Names that begin with `DBT_`, `DEPLOY_` or `DAGSTER_` are left out: they are for Dagster's
    processes, or come from deploy.yaml and the jobs files alone.
    """
    return {name: value for name, value in os.environ.items() if not passed.OURS.match(name)}


def for_dbt(added: Collection[str], *, withheld: Collection[str]) -> dict[str, str]:
    """Return the variables of this process that dbt gets: those of the allow-list and `added`.

    Names that are `withheld` have another purpose, and are in neither.
    """
    return {
        name: value
        for name, value in inherited().items()
        if (name in added or passed.by_default(name)) and name not in withheld
    }


def for_uv() -> dict[str, str]:
    """Return the variables of this process that tell uv the package index and its login."""
    return {name: value for name, value in inherited().items() if passed.is_in(name, passed.UV)}
