"""The rows and lines of text that show a sweep to people; pure."""

from collections.abc import Sequence

from deploy_project.ci.cleanup.cleanup import Sweep
from deploy_project.ci.cleanup.plan import Decision, Drop, Keep, Wait
from deploy_project.ci.cleanup.warehouse import told
from deploy_project.dbt.relations.schema_drops import Schema


def sweep_rows(wanted: Sweep) -> list[list[str]]:
    """Return a row for each schema: the decision, its name, and the reason."""
    return [
        [_word(each), told(schema), each.why]
        for each in wanted.decisions
        for schema in sorted(each.entered.entry.schemas)
    ]


def _word(decision: Decision) -> str:
    match decision:
        case Drop():
            return "drop"
        case Wait():
            return "wait"
        case Keep():
            return "keep"


def listed_sweep(wanted: Sweep) -> str:
    """Return a line for each schema."""
    return "\n".join(f"{what} {name!r}: {why}" for what, name, why in sweep_rows(wanted))


def listed_schemas(schemas: Sequence[Schema]) -> str:
    """Return a line for each of `schemas`."""
    return "\n".join(repr(told(each)) for each in schemas)
