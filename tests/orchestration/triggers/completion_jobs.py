"""Jobs that start when others have ended."""

from deploy_project.config.values.deployment import (
    Completion,
    Environment,
    Job,
    JobParent,
    Parent,
    Project,
)

ENVIRONMENT = Environment("prod", 1, Project("shop", 1, "/shop.git"), "production")


def job(name: str, *parents: Parent, needs_all: bool = False) -> Job:
    return Job(
        name=name,
        identifier=name,
        id=1,
        title=name,
        environment=ENVIRONMENT,
        description="",
        job_type="scheduled",
        steps=(("build",),),
        commands=("dbt build",),
        completion=Completion(parents, needs_all=needs_all) if parents else None,
    )


def of(name: str, *statuses: int) -> JobParent:
    return JobParent(name, statuses or (10, 20, 30))


JOBS = [
    job("parent"),
    job("on_success", of("parent", 10)),
    job("on_error", of("parent", 20)),
    job("on_cancel", of("parent", 30)),
    job("always", of("parent")),
    job("of_another", of("on_success", 10)),
]
