"""`deploy-project init`: writes the files of a new deployment."""

import json
import re
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from deploy_project.cli.new_files import next_steps, write_all
from deploy_project.config.files import schema
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.errors import ConfigError

_TEMPLATES = ("deploy.yaml", "jobs.yml", "workspace.yaml", "dagster.yaml")
_SCHEMAS = ".deploy-schema"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class InitOptions:
    """The repository of the new deployment, with its branch and subdirectory."""

    url: str
    """A URL of git's, or a path, which may be relative to the working directory."""
    branch: str | None = None
    subdirectory: str | None = None


def init(wish: InitOptions, directory: Path) -> int:
    """Write the files into `directory`, and print the next steps.

    Raises `ConfigError`, before anything is written, when one of them exists or could not be
    loaded.
    """
    texts = files(wish)
    existing = [str(directory / name) for name in texts if (directory / name).exists()]
    if existing:
        raise ConfigError(
            f"these files exist and are not overwritten: {', '.join(existing)}; move them away, or "
            "choose another place with --directory"
        )
    _check(texts, directory)
    write_all(texts, directory)
    print(
        "\n".join(["Wrote", *(f"  {directory / name}" for name in texts), *next_steps(directory)])
    )
    return 0


def files(wish: InitOptions) -> dict[str, str]:
    """Return the text of each file by its path."""
    templates = resources.files("deploy_project.cli.commands") / "templates"
    texts = {name: (templates / name).read_text(encoding="utf-8") for name in _TEMPLATES}
    texts["deploy.yaml"] = _filled(texts["deploy.yaml"], wish)
    return texts | {f"{_SCHEMAS}/{name}": text for name, text in schema.texts().items()}


def _filled(template: str, wish: InitOptions) -> str:
    """Return deploy.yaml with the values of `wish`; an option without one is a comment."""
    local = "://" not in wish.url and Path(wish.url).expanduser().exists()
    url = str(Path(wish.url).expanduser().resolve()) if local else wish.url
    branch = "# branch: main # without it, the remote's default branch"
    subdirectory = "# subdirectory: dbt # where dbt_project.yml is, when that is not the root"
    values = {
        "@PROJECT@": project_name(wish.url),
        "@REPOSITORY@": _quoted(url),
        "@BRANCH@": f"branch: {_quoted(wish.branch)}" if wish.branch else branch,
        "@SUBDIRECTORY@": (
            f"subdirectory: {_quoted(wish.subdirectory)}" if wish.subdirectory else subdirectory
        ),
    }
    return re.sub("|".join(values), lambda match: values[match[0]], template)


def project_name(url: str) -> str:
    """Return a name for the project in the repository at `url`: its last part."""
    last = re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")
    return _NOT_IN_NAMES.sub("_", last).strip("_-") or "project"


def _quoted(text: str) -> str:
    """Return `text` as a YAML string; JSON strings are YAML."""
    return json.dumps(text)


def _check(texts: Mapping[str, str], directory: Path) -> None:
    """Raise `ConfigError` when the files could not be loaded, such as for a URL with a password."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        write_all(texts, root)
        try:
            load_deployment(root / "deploy.yaml", state=root / ".deploy")
        except ConfigError as error:
            would = str(error).replace(str(root), str(directory))
            raise ConfigError(f"nothing was written, because it would be wrong:\n{would}") from None


def act(given: Namespace) -> int:
    """Carry out `init` as it was given on the command line; return the exit code."""
    wish = InitOptions(url=given.url, branch=given.branch, subdirectory=given.subdirectory)
    return init(wish, Path(given.directory))
