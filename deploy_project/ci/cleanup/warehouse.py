"""The warehouse of an environment: dropping and listing schemas through its own dbt."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.relations import schema_drops
from deploy_project.dbt.relations.schema_drops import Schema
from deploy_project.git import remote
from deploy_project.releases import pointer
from deploy_project.releases.prepare import outside_of_a_run
from deploy_project.releases.questions.asking import Asking, asking
from deploy_project.releases.workspace import Workspace

TIMEOUT_SECONDS = 600
_GIVE_UP_AFTER = 2


@dataclass(frozen=True)
class DropOutcome:
    """The result of dropping schemas and listing the others."""

    dropped: frozenset[Schema]
    found: tuple[Schema, ...]
    """The schemas in the databases that were asked about, afterwards."""
    problems: tuple[str, ...]
    """The failures to drop or list schemas, with dbt's words."""


@dataclass(frozen=True)
class WarehouseSchemas:
    """One environment's connection, with the dbt that goes with it."""

    asking: Asking

    @property
    def workspace(self) -> Workspace:
        """The workspace of the connection."""
        return self.asking.workspace

    def drop(
        self, schemas: Sequence[Schema], databases: Sequence[str], say: Callable[[str], None]
    ) -> DropOutcome:
        """Drop `schemas`, whether they exist or not, then list the schemas in `databases`.

        One that can't be dropped does not keep the others from it; where nothing goes twice in a
        row and nothing can be listed, the warehouse is away. Every name must be quotable.
        """
        left, dropped, problems, failures = list(schemas), set[Schema](), list[str](), 0
        while True:
            code, answer = self._asked(left, databases, say)
            dropped |= answer.dropped
            problems += [_read(schema, by) for schema, by in answer.kept.items()]
            left = [each for each in left if each not in dropped and each not in answer.kept]
            if code == 0:
                return DropOutcome(frozenset(dropped), answer.found, tuple(problems))
            tried = left.pop(0) if left else None
            problems.append(_failed(tried, databases, code, answer))
            failures = 0 if answer.dropped else failures + 1
            if failures == _GIVE_UP_AFTER and left and self._asked((), databases, say)[0] == 0:
                failures = 0  # it is there, so the others may go
            if tried is None or failures == _GIVE_UP_AFTER:
                if left:
                    problems.append(f"not tried after that: {', '.join(map(told, left))}")
                return DropOutcome(frozenset(dropped), (), tuple(problems))

    def _asked(
        self, schemas: Sequence[Schema], databases: Sequence[str], say: Callable[[str], None]
    ) -> tuple[int, schema_drops.Reply]:
        given = schema_drops.given(schemas, databases)
        ended, answer = self.asking.call(
            schema_drops.MACRO, given, on_line=say, timeout_seconds=TIMEOUT_SECONDS
        )
        return ended.code, schema_drops.reply(answer)


def _read(schema: Schema, by: str) -> str:
    return (
        f"schema {told(schema)} is still there: {by!r} reads from it, and would go with it; drop "
        "that, or have it read something else"
    )


def _failed(
    schema: Schema | None, databases: Sequence[str], code: int, answer: schema_drops.Reply
) -> str:
    why = f"(exit {code}): {last_words(list(answer.said))}"
    if schema is None:
        return f"the schemas of {', '.join(databases)} can't be listed {why}"
    return f"schema {told(schema)} can't be dropped {why}"


def told(schema: Schema) -> str:
    """Return `database.schema`, for people."""
    return ".".join(filter(None, schema))


@contextmanager
def opened(
    deployment: Deployment, environment: Environment, job: Job | None, state: StateDirectory
) -> Generator[WarehouseSchemas]:
    """Make the warehouse of `environment` ready, as `job` sees it while it is configured.

    The deployed commit says how to connect; without one, the head of the environment's branch.
    Raises `GitError`, `ConfigError` or `DbtError`.
    """
    at = pointer.deployed(state, environment.name)
    commit = at.commit if at is not None else remote.head(environment).commit
    with outside_of_a_run(
        deployment, environment, job, commit, state, reason="Clean-up of pull requests"
    ) as (ready, scratch):
        yield WarehouseSchemas(asking(ready, scratch / "dbt", schema_drops.MACROS))
