"""Reports dbt's events to Dagster while the command runs: planned, materialized, checked."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import dagster as dg

from deploy_project.ci.telling.command_listener import rows_of_tests, statements
from deploy_project.dbt.arguments.commands import changes_warehouse
from deploy_project.dbt.artifacts.events import (
    Adapter,
    Event,
    NodeFinished,
    NodeStarted,
    Numbered,
    Skipping,
    Version,
)
from deploy_project.dbt.artifacts.manifest import content_while_written, read_manifest
from deploy_project.dbt.artifacts.results import (
    SourceResult,
    failed_measurement,
    read_run_results,
    read_sources,
)
from deploy_project.errors import ConfigError, DeployError
from deploy_project.orchestration.catalog import checks
from deploy_project.orchestration.catalog.for_people import rows_table
from deploy_project.orchestration.catalog.lineage_and_counts import (
    Lineage,
    compiled_code,
    row_counts,
)
from deploy_project.orchestration.catalog.materialization import Facts, metadata
from deploy_project.orchestration.catalog.own_names import own_names
from deploy_project.orchestration.internals import events
from deploy_project.orchestration.nodes.asset_keys import asset_keys
from deploy_project.orchestration.nodes.check_keys import check_keys, find_test
from deploy_project.orchestration.nodes.node_facts import ManifestContent, NodeEntry
from deploy_project.orchestration.nodes.skip_causes import FAILED, told_skip
from deploy_project.releases import pointer
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.step_context import CommandContext
from deploy_project.runs.outcome import sampled_rows
from deploy_project.runs.outcome.finish import record_assets

ASSETS = frozenset({"model", "seed", "snapshot"})
CHECKS = frozenset({"test", "unit_test"})
COMPILED = frozenset({"model", "snapshot", "test"})
"""The kinds of nodes whose code dbt compiles, and keeps."""
BUILT = frozenset({"success", "no-op", "reused", "warn"})
FOUND_ROWS = frozenset({"fail", "warn"})
"""The states of a test that has found rows."""


class NodeKeys:
    """The keys of the nodes in the manifest of a command, none that the definitions give another.

    The command may still be writing the file.
    """

    def __init__(self, run: Run, commit: str, file: Path) -> None:
        self._run, self._commit, self._file = run, commit, file

    @cached_property
    def manifest(self) -> ManifestContent:
        """The content of the manifest."""
        return content_while_written(self._file)

    @cached_property
    def assets(self) -> Mapping[str, dg.AssetKey]:
        """The key of each asset; raises `ConfigError` where a translator of one's own can't say."""
        run = self._run
        return asset_keys(
            run.environment.name,
            self.manifest,
            reserved=record_assets(run.deployment),
            shown=self._shown_keys,
            names=own_names(run.environment, self._commit, self._file, run.state),
        )

    @cached_property
    def checks(self) -> Mapping[str, dg.AssetCheckKey]:
        """The key of each test and freshness; raises as `assets` does."""
        name, known = self._run.environment.name, None
        if self._shown is not None and self._shown_keys is not None:
            known = check_keys(name, self._shown, self._shown_keys)
        return check_keys(name, self.manifest, self.assets, shown=known)

    @cached_property
    def _shown(self) -> ManifestContent | None:
        """The manifest that the definitions are made of; None when it is the run's own, or gone."""
        run = self._run
        at = pointer.deployed(run.state, run.environment.name)
        if at is None or at.commit == self._commit:
            return None
        with suppress(DeployError):
            return pointer.shown_manifest(run.state, run.environment, at)
        return None

    @cached_property
    def _shown_keys(self) -> Mapping[str, dg.AssetKey] | None:
        """The keys of the manifest that the definitions are made of, where it is another one."""
        run, shown = self._run, self._shown
        at = pointer.deployed(run.state, run.environment.name)
        if shown is None or at is None:
            return None
        file = pointer.manifest_file(run.state, run.environment, at)
        names = own_names(run.environment, at.commit, file, run.state)
        reserved = record_assets(run.deployment)
        return asset_keys(run.environment.name, shown, reserved=reserved, names=names)


class AssetReporter:
    """Reports the assets and checks of one step's dbt command to Dagster.

    It goes by the manifest of the run's own commit (DESIGN 1): a node that the loaded definitions
    don't know is a plain materialization, and one that no longer exists is not mentioned. Nothing
    is reported under a key that the definitions have for another node.
    """

    def __init__(
        self, context: dg.OpExecutionContext, reported: events.Batch, *, planned: bool = True
    ) -> None:
        self._context, self._reported = context, reported
        self._reports_planned = planned
        self._numbers: dict[str, Numbered] = {}
        self._begun: set[str] = set()
        self._failed: set[str] = set()
        self._tables: dict[str, str] = {}
        self._unmeasured: dict[str, SourceResult] = {}
        self._with_rows: dict[str, NodeFinished] = {}

    def opened(self, context: CommandContext) -> None:
        """Take the context of the command that begins."""
        self._command = context
        manifest = context.target_directory / "manifest.json"
        self._nodes = NodeKeys(context.run, context.source.commit, manifest)
        self._facts = Facts.of(context)
        self._builds = changes_warehouse(context.step.arguments)

    def heard(self, event: Event) -> None:
        """Report one event of a node."""
        match event:
            case Version() | Adapter():
                self._facts.versions(event)
            case Skipping():
                self._begun.discard(event.unique_id)
            case Numbered():
                self._numbers[event.unique_id] = event
                self._planned(event.unique_id)
            case NodeStarted() if self._builds and event.resource_type in ASSETS:
                self._begun.add(event.unique_id)
            case NodeFinished() if event.resource_type == "source":
                self._measured(event)
            case NodeFinished() if self._builds:
                self._facts.finished(event)
                if event.status in FAILED:
                    self._failed.add(event.unique_id)
                if event.resource_type in ASSETS:
                    self._ended(event)
                elif event.resource_type in CHECKS and event.status != "skipped":
                    self._checked(event)
            case _:
                pass

    def closed(self) -> None:
        """Report row counts, rows of tests and freshness, which are known only at the end."""
        if self._command.run.environment.row_counts:
            self._count()
        if self._with_rows:
            self._show_rows()
        file = self._command.target_directory / "sources.json"
        results = read_sources(file) if file.is_file() else ()
        measured = {result.unique_id for result in results}
        failed = [each for key, each in self._unmeasured.items() if key not in measured]
        for result in (*results, *failed):
            self._fresh(result)

    @property
    def _manifest(self) -> ManifestContent:
        return self._nodes.manifest

    @cached_property
    def _keys(self) -> Mapping[str, dg.AssetKey]:
        try:
            return self._nodes.assets
        except ConfigError as error:  # the warehouse is built all the same
            self._context.log.warning(f"Nothing is reported to the assets: {error}")
            return {}

    @cached_property
    def _checks(self) -> Mapping[str, dg.AssetCheckKey]:
        return self._nodes.checks if self._keys else {}

    @cached_property
    def _lineage(self) -> Lineage:
        return Lineage(self._command, self._manifest, self._keys)

    def _planned(self, unique_id: str) -> None:
        """Show a node as in progress; once planned, it has failed unless it is materialized."""
        if unique_id not in self._begun:
            return
        self._begun.remove(unique_id)
        key = self._keys.get(unique_id)
        if key is not None and self._reports_planned:
            self._reported.planned(key)

    def _ended(self, event: NodeFinished) -> None:
        if event.status in BUILT:
            self._materialized(event)
        elif event.status == "skipped":
            self._skipped(event)
        else:
            self._planned(event.unique_id)  # a dbt that numbers nothing has it still to come

    def _skipped(self, event: NodeFinished) -> None:
        """Observe that a node was skipped: it keeps its status, for nothing has happened to it."""
        key = self._keys.get(event.unique_id)
        if key is not None:
            why = told_skip(event.unique_id, self._manifest, self._failed)
            described = {"status": "skipped", "dbt/unique_id": event.unique_id}
            self._reported.add(dg.AssetObservation(key, why, metadata=described))

    def _materialized(self, event: NodeFinished) -> None:
        key, number = self._keys.get(event.unique_id), self._numbers.get(event.unique_id)
        if key is None:
            return
        code = self._code(event, self._manifest["nodes"].get(event.unique_id, {}))
        described = metadata(self._facts, event, self._manifest, compiled=code)
        if self._command.run.environment.column_lineage and (lineage := self._lineage.of(event)):
            described["dagster/column_lineage"] = dg.MetadataValue.column_lineage(lineage)
        if event.relation and event.materialized != "view":
            self._tables[event.unique_id] = event.relation
        progress = f"{number.index} of {number.total}: {event.name}" if number else None
        self._reported.add(dg.AssetMaterialization(key, description=progress, metadata=described))

    def _count(self) -> None:
        """Observe how many rows each table has that was built; a view would have to be run."""
        for unique_id, rows in row_counts(self._command, self._tables).items():
            observed = {"dagster/row_count": dg.MetadataValue.int(rows)}
            self._reported.add(dg.AssetObservation(self._keys[unique_id], metadata=observed))

    def _checked(self, event: NodeFinished) -> None:
        key = self._checks.get(event.unique_id)
        if key is None:
            return
        sql = self._code(event, find_test(self._manifest, event.unique_id))
        self._reported.add(checks.evaluation(key, event, self._manifest, sql=sql))
        if event.status in FOUND_ROWS and self._command.run.environment.show_rows:
            self._with_rows[event.unique_id] = event

    def _code(self, event: NodeFinished, node: NodeEntry) -> str:
        """Return the code that dbt has run for a node, without secrets; empty for none."""
        if event.resource_type not in COMPILED:
            return ""
        code = compiled_code(self._command.target_directory / "compiled", node)
        return self._command.workspace.scrubber.text(code)

    def _show_rows(self) -> None:
        """Report tests once more with the first rows they have found: one entry in Dagster."""
        command, directory = self._command, self._command.target_directory
        try:
            results = read_run_results(directory / "run_results.json").results
            state = [command.state / "manifest.json"] if command.state is not None else []
            manifests = [read_manifest(each) for each in (directory / "manifest.json", *state)]
            wanted = statements(results, *manifests, statuses=FOUND_ROWS)
            found = rows_of_tests(command, wanted)
        except DeployError as error:
            command.say(f"The rows that tests have found can't be shown: {error}")
            return
        sampled_rows.keep(found, directory.parent)
        for unique_id, sample in found.items():
            event, key = self._with_rows.get(unique_id), self._checks.get(unique_id)
            if event is not None and key is not None:
                sql = self._code(event, find_test(self._manifest, unique_id))
                rows = rows_table(sample.columns, sample.rows)
                self._reported.add(
                    checks.evaluation(key, event, self._manifest, sql=sql, rows=rows)
                )

    def _measured(self, event: NodeFinished) -> None:
        # dbt leaves a source whose measurement has failed out of sources.json.
        if event.status in ("runtime error", "error"):
            result = failed_measurement(event.unique_id, event.message)
            self._unmeasured[event.unique_id] = result

    def _fresh(self, result: SourceResult) -> None:
        key, check = self._keys.get(result.unique_id), self._checks.get(result.unique_id)
        if key is None:
            return
        if check is not None:
            self._reported.add(checks.freshness_evaluation(check, result))
        observed = checks.freshness_metadata(result)
        self._reported.add(dg.AssetObservation(key, metadata=observed))
