"""The guard of a pull request's run: no node outside its schemas, each schema in the ledger."""

from collections.abc import Iterable

from deploy_project.ci.schemas.ledger import Entry, enter, is_of
from deploy_project.ci.schemas.selection import Relation, relations, wanted
from deploy_project.dbt.arguments.commands import ListCommand
from deploy_project.dbt.artifacts.events import Event, Listed
from deploy_project.dbt.project.schemas import pull_request_schema
from deploy_project.errors import ConfigError
from deploy_project.runs.model.step_context import CommandContext

_SHOWN = 10


class Guard:
    """Checks the relations that each command of a pull request's run will write, before it does."""

    def __init__(self) -> None:
        self._context: CommandContext | None = None

    def opened(self, context: CommandContext) -> ListCommand | None:
        """Return the list command to run first; None for other runs, or when no node is written."""
        self._context = context
        return wanted(context) if context.run.pull_request is not None else None

    def heard(self, event: Event) -> None:
        """Check the listed nodes; take no notice of other events.

        A pull request emits no event of production's assets (DESIGN 4).
        """
        if isinstance(event, Listed):
            assert self._context is not None
            _admit(self._context, event)

    def closed(self) -> None:
        """Take no notice."""


def _admit(context: CommandContext, listed: Listed) -> None:
    """Enter the nodes' schemas in the ledger; raise `ConfigError` when one would go elsewhere."""
    run, found = context.run, relations(context.step.arguments, listed)
    assert run.pull_request is not None  # for other runs nothing is listed
    if not found:
        return
    job, project = run.job, run.environment.project
    astray = [each for each in found if not is_of(each.schema, job.id, run.pull_request)]
    if astray and project.pull_requests.schema_guard:
        raise ConfigError(_refused(astray, job.id, run.pull_request))
    schemas = frozenset((each.database, each.schema) for each in found)
    entry = Entry(project.name, run.environment.name, job.id, run.pull_request, schemas)
    enter(run.artifacts, entry)


def _refused(astray: Iterable[Relation], job_id: int, number: int) -> str:
    named = sorted(f"{each.name} (in {each.schema!r})" for each in astray)
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    own = pull_request_schema(job_id, number)
    return (
        f"nothing was built: these nodes would be outside the schemas of pull request {number}, "
        f"{own!r} and {own + '_…'!r}: {', '.join(named[:_SHOWN])}{more}; have the macro "
        "`generate_schema_name` begin with `target.schema` as dbt's own does, or leave these "
        "nodes out of the job; `pull_requests.schema_guard: false` builds them all the same"
    )
