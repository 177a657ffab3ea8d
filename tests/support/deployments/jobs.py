"""A job of a deployment, as the configuration would make it."""

from pathlib import Path
from typing import Any

from deploy_project.config.values.deployment import Account, Deployment, Environment, Job, Project

PROJECT = Project(name="shop", id=1, repository="/nowhere")
DEPLOYMENT = Deployment(Path("/nowhere"), Account(1, "Shop"), {}, {}, {})


def job(*commands: str, target: str | None = "production", **settings: Any) -> Job:
    environment = Environment(name="prod", id=2, project=PROJECT, type="production", target=target)
    return Job(
        name="prod__daily",
        identifier="daily",
        id=3,
        title="Daily",
        environment=environment,
        description="",
        job_type="scheduled",
        steps=tuple(tuple(command.split()[1:]) for command in commands),
        commands=commands,
        **settings,
    )
