"""`deploy-project check`: finds references to other dbt projects, which are not supported."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from deploy_project.cli.check.unanswered import known_checkout
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.dbt.project.profiles import yaml_mapping
from deploy_project.errors import DeployError
from deploy_project.git.checkouts import project_directory

_FILE = "dependencies.yml"


def other_projects(
    deployment: Deployment, state: StateDirectory, heads: Mapping[str, str]
) -> Iterator[str]:
    """Yield a line for each environment with `projects:` in its dependencies.yml (MSC-4).

    The files are those that `unanswered` looks at.
    """
    for environment in deployment.environments.values():
        checkout = known_checkout(environment, state, heads)
        if checkout is None:
            continue
        try:
            file = project_directory(checkout, environment.project) / _FILE
            named = yaml_mapping(file, "").get("projects") if file.is_file() else None
        except DeployError:  # a deployment tells what is wrong with it
            continue
        if named:
            yield (
                f"environments.{environment.name}: `projects:` of {_FILE} names {_names(named)}, "
                f"in commit {checkout.root.name[:12]}; models of other projects are not "
                "supported: dbt Cloud resolves them, dbt itself does not. Take the other project "
                "as a package, or its relations as sources"
            )


def _names(named: Any) -> str:
    entries = cast(list[Any], named) if isinstance(named, list) else [named]
    return ", ".join(str(_name(each)) for each in entries)


def _name(entry: Any) -> Any:
    return cast(dict[str, Any], entry).get("name") if isinstance(entry, dict) else entry
