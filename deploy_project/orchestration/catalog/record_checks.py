"""Asset checks of run records: an asset is red when its job's last run has failed."""

from collections.abc import Iterable

import dagster as dg

from deploy_project.config.values.deployment import Deployment
from deploy_project.runs.outcome.finish import LAST_RUN, record_asset, records, verdict


def record_checks(deployment: Deployment) -> list[dg.AssetChecksDefinition]:
    """Return one definition with the checks of all records; none without a job.

    A run evaluates its own as it ends; the definition repeats that from the last record.
    """
    specs = [
        dg.AssetCheckSpec(
            LAST_RUN,
            asset=record_asset(job, of_pull_requests=of_pull_requests),
            description="The last run has succeeded, without warnings.",
        )
        for job, of_pull_requests in records(deployment)
    ]
    if not specs:
        return []

    @dg.multi_asset_check(
        name="look_at_last_runs",
        description="Looks at the last run of each job again, as its record has it.",
        specs=specs,
        can_subset=True,
    )
    def look(context: dg.AssetCheckExecutionContext) -> Iterable[dg.AssetCheckResult]:
        for key in context.selected_asset_check_keys:
            event = context.instance.get_latest_materialization_event(key.asset_key)
            last = event.asset_materialization if event is not None else None
            if last is not None:
                found = verdict(last)
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=found.passed,
                    severity=found.severity,
                    description=found.description,
                )

    return [look]
