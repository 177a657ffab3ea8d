"""The contract with what Dagster has no public name for: an upgrade that changes it fails here."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from deploy_project.config.environment import settings
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.orchestration.internals import (
    check_outputs,
    events,
    executor,
    launching,
    origin,
    pinning,
    run_process,
    run_queue,
    run_storage,
)
from deploy_project.orchestration.processes import asked, execute_run
from deploy_project.orchestration.processes.workers import held, worker_of
from deploy_project.processes import signals
from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import job_name
from deploy_project.runs.model.status import Status
from tests.support.waiting import wait

KEY = dg.AssetKey(["prod", "orders"])
EXAMPLE_JOB = "production__daily"
KINDS = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION")
ERRORS = {
    "fail": dg.Failure("as wished"),
    "cancel": dg.Failure("as wished"),
    "interrupt": KeyboardInterrupt(),
    "retry": dg.RetryRequested(max_retries=1),
}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def chain(file: str) -> dg.JobDefinition:
    """Three steps, of which the second does what `file` says; how it ends is added to `file`."""

    def wish() -> str:
        return Path(file).read_text(encoding="utf-8").partition(":")[0]

    @dg.op(out=dg.Out(dg.Nothing))
    def first() -> None:
        print("first speaks")

    @dg.op(ins={"before": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def second(context: dg.OpExecutionContext) -> None:
        print("second speaks")
        if wish() == "cancel":
            context.instance.report_run_canceling(context.run, "as wished")
        if wish() in ERRORS and context.retry_number == 0:
            raise ERRORS[wish()]

    @dg.op(ins={"before": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def third() -> None:
        print("third speaks")

    def finish(instance: dg.DagsterInstance, run: dg.DagsterRun, outcome: Status) -> None:
        assert worker_of(instance, run.run_id).is_alive(), "so that its death would be noticed"
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(f": {run.job_name} {outcome}")
        if wish() == "finish badly":
            raise OSError("no space left")

    @dg.graph(name="chain")
    def steps() -> None:
        third(second(first()))

    return steps.to_job(executor_def=executor.step_log_executor(finish, held))


def execute(instance: dg.DagsterInstance, file: Path, wish: str) -> dg.JobExecutionResult:
    file.write_text(wish, encoding="utf-8")
    job = dg.build_reconstructable_job(__name__, "chain", cast(Any, (str(file),)))
    return dg.execute_job(job, instance)


@pytest.mark.parametrize(
    ("wish", "status", "steps", "outcome"),
    [
        ("succeed", "SUCCESS", ["first", "second", "third"], "Success"),
        ("fail", "FAILURE", ["first"], "Error"),
        ("cancel", "CANCELED", ["first"], "Error"),
        ("interrupt", "FAILURE", ["first"], "Cancelled"),
        ("retry", "SUCCESS", ["first", "second", "third"], "Success"),
        ("finish badly", "FAILURE", ["first", "second", "third"], "Success"),
    ],
)
def test_the_executor_runs_the_chain_and_finishes_once(
    instance: dg.DagsterInstance,
    tmp_path: Path,
    wish: str,
    status: str,
    steps: list[str],
    outcome: str,
):
    file = tmp_path / "wish"
    result = execute(instance, file, wish)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status.value == status
    done = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    assert [entry.step_key for entry in done] == steps
    assert file.read_text(encoding="utf-8") == f"{wish}: chain {outcome}"
    assert worker_of(instance, result.run_id).is_alive() is None


def test_each_step_has_a_log_of_its_own(instance: dg.DagsterInstance, tmp_path: Path):
    result = execute(instance, tmp_path / "wish", "succeed")
    captured = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
    keys = [
        (entry.dagster_event.logs_captured_data.step_keys, entry.dagster_event.logs_captured_data)
        for entry in captured
        if entry.dagster_event is not None
    ]
    assert [step_keys for step_keys, _ in keys] == [["first"], ["second"], ["third"]]
    assert len({data.file_key for _, data in keys}) == 3


def test_a_retry_from_failure_runs_the_failed_step_and_what_follows(
    instance: dg.DagsterInstance, tmp_path: Path
):
    file = tmp_path / "wish"
    failed = execute(instance, file, "fail")
    file.write_text("succeed", encoding="utf-8")
    job = dg.build_reconstructable_job(__name__, "chain", cast(Any, (str(file),)))
    options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    retried = dg.execute_job(job, instance, reexecution_options=options)
    done = instance.all_logs(retried.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    assert [entry.step_key for entry in done] == ["second", "third"]
    run = instance.get_run_by_id(retried.run_id)
    assert run is not None
    assert run.parent_run_id == failed.run_id, "how a run knows that it repeats another"
    assert run.step_keys_to_execute == ["second", "third"], "and that it goes on from its failure"


def reporting_job() -> dg.JobDefinition:
    @dg.op
    def report(context: dg.OpExecutionContext) -> None:
        with events.Batch(context) as reported:
            reported.planned(KEY)
        events.report_materialization(
            context.instance,
            context.run,
            dg.AssetMaterialization(KEY, description="Success", metadata={"seconds": 1.5}),
        )

    @dg.job
    def reporting() -> None:
        report()

    return reporting


def test_planned_and_materialized_events_belong_to_the_asset(instance: dg.DagsterInstance):
    result = reporting_job().execute_in_process(instance=instance)
    planned, done = (
        [
            entry.dagster_event.asset_key
            for entry in instance.all_logs(result.run_id, of_type=kind)
            if entry.dagster_event is not None
        ]
        for kind in (
            dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
            dg.DagsterEventType.ASSET_MATERIALIZATION,
        )
    )
    assert (planned, done) == ([KEY], [KEY])
    latest = instance.get_latest_materialization_event(KEY)
    assert latest is not None
    assert latest.asset_materialization is not None
    assert latest.run_id == result.run_id
    assert latest.asset_materialization.metadata["seconds"] == dg.FloatMetadataValue(1.5)
    (record,) = instance.get_asset_records([KEY])
    assert record.asset_entry.last_run_id == result.run_id


def told(*, by_dagster: bool) -> list[dg.EventLogEntry]:
    """The events of an asset and a check in one step, without their times."""
    happened = (
        dg.AssetMaterialization(KEY, description="1 of 2", metadata={"seconds": 1.5}),
        dg.AssetMaterialization(KEY),
        dg.AssetObservation(KEY, "skipped", metadata={"status": "skipped"}),
        dg.AssetCheckEvaluation(KEY, "not_null", False, description="Got 2", metadata={"rows": 2}),
        dg.AssetCheckEvaluation(KEY, "unique", True),
    )

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        with events.Batch(context) as reported:
            for each in happened:
                if by_dagster:
                    context.log_event(cast(Any, each))
                else:
                    reported.add(each)

    @dg.job(tags={"team": "shop"})
    def reporting() -> None:
        step()

    run_id = "00000000-0000-0000-0000-000000000000"
    with dg.DagsterInstance.ephemeral() as somewhere:
        reporting.execute_in_process(instance=somewhere, run_id=run_id)
        logs = somewhere.all_logs(run_id, {getattr(dg.DagsterEventType, each) for each in KINDS})
    assert len(logs) == len(happened)
    return [each._replace(timestamp=0) for each in logs]


def test_events_of_a_batch_are_those_that_a_context_logs():
    assert told(by_dagster=False) == told(by_dagster=True)


def in_an_op(act: Callable[[dg.OpExecutionContext], None]) -> bool:
    """Whether an op that acts so succeeds."""

    @dg.op
    def acts(context: dg.OpExecutionContext) -> None:
        act(context)

    @dg.job
    def acting() -> None:
        acts()

    with dg.DagsterInstance.ephemeral() as somewhere:
        return acting.execute_in_process(instance=somewhere, raise_on_error=False).success


def test_events_of_a_batch_can_be_seen_while_their_step_goes_on():
    def report(context: dg.OpExecutionContext) -> None:
        with events.Batch(context) as reported:
            for name in ("first", "second"):
                key = dg.AssetKey(name)
                reported.add(dg.AssetMaterialization(key))
                wait(lambda: context.instance.get_latest_materialization_event(key) is not None)  # noqa: B023

    assert in_an_op(report)


def test_events_of_a_step_that_fails_are_stored_before_its_failure(instance: dg.DagsterInstance):
    @dg.op
    def fails(context: dg.OpExecutionContext) -> None:
        with events.Batch(context) as reported:
            reported.planned(KEY)
            raise dg.Failure("as wished")

    @dg.job
    def failing() -> None:
        fails()

    result = failing.execute_in_process(instance=instance, raise_on_error=False)
    kinds = [
        each.dagster_event.event_type
        for each in instance.all_logs(result.run_id)
        if each.dagster_event is not None
    ]
    planned = kinds.index(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert planned < kinds.index(dg.DagsterEventType.STEP_FAILURE)


@pytest.mark.parametrize("soon", [True, False], ids=["soon", "at the end"])
def test_an_event_that_can_not_be_stored_fails_its_step(soon: bool):
    """By the next event, where a thread has found it out; nobody else hears of that."""
    tried: list[str] = []

    def store(event: dg.EventLogEntry) -> None:
        tried.append(event.run_id)
        raise OSError("no space left")

    def report(context: dg.OpExecutionContext) -> None:
        with pytest.MonkeyPatch.context() as patch, events.Batch(context) as reported:
            patch.setattr(context.instance.event_log_storage, "store_event", store)
            reported.planned(KEY)
            if soon:
                wait(lambda: tried)
                with pytest.raises(OSError, match="no space left"):
                    wait(lambda: reported.planned(KEY))

    assert not in_an_op(report)
    assert tried


def test_checks_that_were_reported_meanwhile_are_outputs_of_their_op():
    """The run's log said that the op had not yielded its outputs."""
    keys = [dg.AssetCheckKey(KEY, name) for name in ("not_null", "a_name_of_ours")]
    specs = [dg.AssetCheckSpec(each.name, asset=each.asset_key) for each in keys]

    @dg.multi_asset(specs=[dg.AssetSpec(KEY)], check_specs=specs, can_subset=True)
    def built(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from check_outputs.evaluated(context.selected_asset_check_keys)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([built], instance=instance)
        said = [each.user_message for each in instance.all_logs(result.run_id)]
    assert result.success
    assert [each for each in said if "did not yield" in each] == []
    assert result.get_asset_check_evaluations() == []


def test_an_evaluation_belongs_to_the_asset_and_the_run(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(reporting_job())
    check = dg.AssetCheckKey(KEY, "last_run")
    for passed in (True, False):
        evaluation = dg.AssetCheckEvaluation(KEY, "last_run", passed, description="As it ended")
        events.report_evaluation(instance, run, evaluation)
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    assert (latest.run_id, latest.status.value) == (run.run_id, "FAILED")


def test_a_run_of_no_code_location_becomes_one_of_ours(instance: dg.DagsterInstance):
    """Dagster's timeline and job pages leave out what `dagster job execute` has started."""
    run = instance.create_run_for_job(reporting_job(), tags={"team": "shop"})
    assert run.remote_job_origin is None
    origin.adopt(instance, run.run_id, location="here", repository="__repository__")
    known = instance.get_run_by_id(run.run_id)
    assert known is not None
    assert known.remote_job_origin is not None
    assert known.remote_job_origin.location_name == "here"
    assert known.tags["team"] == "shop"
    label = {".dagster/repository": "__repository__@here"}
    assert [each.run_id for each in instance.get_runs(dg.RunsFilter(tags=label))] == [run.run_id]


def test_a_run_sees_the_text_that_it_was_planned_with():
    before = DefinitionsLoadContext.get()
    try:
        planning = DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION)
        DefinitionsLoadContext.set(planning)
        assert pinning.pinned("deploy/pointers", lambda: "A") == "A"
        planned_with = dg.Definitions(jobs=[reporting_job()]).get_repository_def()

        running = DefinitionsLoadContext(
            DefinitionsLoadType.RECONSTRUCTION,
            repository_load_data=planned_with.repository_load_data,
        )
        DefinitionsLoadContext.set(running)
        assert pinning.pinned("deploy/pointers", lambda: "B") == "A"
        assert pinning.pinned("deploy/other", lambda: "B") == "B"
    finally:
        DefinitionsLoadContext.set(before)


def test_the_pin_is_stored_with_the_run(instance: dg.DagsterInstance, tmp_path: Path):
    """That is what makes it reach the process that runs it, also after a reload."""
    module = tmp_path / "pinned_location.py"
    module.write_text(
        "import dagster as dg\n"
        "from deploy_project.orchestration.internals.pinning import pinned\n"
        "found = pinned('deploy/pointers', lambda: 'A')\n"
        "@dg.op\n"
        "def say(): print(found)\n"
        "@dg.job\n"
        "def tell(): say()\n"
        "defs = dg.Definitions(jobs=[tell])\n",
        encoding="utf-8",
    )
    from dagster._core.execution.api import create_execution_plan
    from dagster._core.snap import snapshot_from_execution_plan

    before = DefinitionsLoadContext.get()
    try:
        DefinitionsLoadContext.set(DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION))
        scope: dict[str, Any] = {}
        exec(module.read_text(encoding="utf-8"), scope)
        repository = scope["defs"].get_repository_def()
    finally:
        DefinitionsLoadContext.set(before)
    job = repository.get_job("tell")
    plan = create_execution_plan(job, repository_load_data=repository.repository_load_data)
    snapshot = snapshot_from_execution_plan(plan, job.get_job_snapshot_id())
    assert snapshot.repository_load_data is not None
    assert snapshot.repository_load_data.reconstruction_metadata == {"deploy/pointers": "A"}


def test_the_queue_tells_which_tags_it_has_rules_for():
    rules = [{"key": "team", "limit": 1}, {"key": "deploy/queue", "limit": 1}]
    runs = {"runs": {"tag_concurrency_limits": rules}}
    with dg.instance_for_test(overrides={"concurrency": runs}) as queued:
        assert run_queue.queue_rules(queued) == {"team", "deploy/queue"}
    with dg.DagsterInstance.ephemeral() as without:
        assert run_queue.queue_rules(without) is None


@pytest.mark.parametrize(
    "configured",
    [
        {"module": "dagster", "class": "DefaultRunLauncher"},
        {"module": "somewhere.else", "class": "ElseRunLauncher"},
    ],
)
def test_another_launcher_than_ours_need_not_be_installed(configured: dict[str, str]):
    """The daemon alone must be able to load it."""
    with dg.instance_for_test(overrides={"run_launcher": configured}) as made:
        assert launching.launcher_of(made) is None


@pytest.mark.parametrize(
    ("arguments", "job"),
    [
        (
            ["job", "execute", "-m", "deploy_project.definitions", "-j", "prod__daily"],
            "prod__daily",
        ),
        (["job", "execute", "--job", "prod__daily", "-f", "job.py"], "prod__daily"),
        (["job", "execute", "--job=prod__daily"], "prod__daily"),
        (["job", "execute", "-m", "deploy.definitions", "-j"], ""),
        (["job", "execute", "-m", "deploy.definitions"], None),
        (["job", "execute"], None),
        (["job", "list", "-j", "prod__daily"], None),
        (["api", "grpc", "--socket", "/tmp/socket"], None),
        (["api", "execute_run", "{}"], None),
        (["api", "execute_run"], None),
        (["definitions", "validate"], None),
        ([], None),
    ],
)
def test_the_command_line_tells_which_job_the_process_is_there_for(
    arguments: list[str], job: str | None
):
    assert run_process.executed_job(["dagster", *arguments], None) == job


def test_a_launched_process_is_told_which_job_it_is_there_for(instance: dg.DagsterInstance):
    job = dg.build_reconstructable_job(__name__, "chain", ("",))
    run = dg.DagsterRun("chain", job_code_origin=job.get_python_origin())
    command, variables = launching.run_command(instance, run)
    ((_, told),) = variables.items()
    assert run_process.executed_job(command[2:], told) == "chain"
    assert run_process.executed_job([*command[2:], told], None) == "chain"


def test_a_process_for_our_code_is_one_that_starts_dbt_first(instance: dg.DagsterInstance):
    pointer = ModuleCodePointer("deploy_project.definitions", "defs", None)
    origin = JobPythonOrigin("daily", RepositoryPythonOrigin(sys.executable, pointer))
    run = dg.DagsterRun("prod__daily", job_code_origin=origin)
    command, variables = launching.run_command(instance, run)
    assert command == [sys.executable, "-m", execute_run.__name__, "prod__daily"]
    assert set(variables) == {run_process.RUN_ARGUMENTS}


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_the_process_of_a_run_hears_an_interrupt_before_dagster_listens(
    handler: signal.Handlers,
):
    """A daemon that a shell had started in the background had it ignored, and so had its runs."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        signals.hear_interrupts()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_dbt_is_started_before_dagster_is_imported():
    code = (
        "import sys\n"
        "from deploy_project.dbt.processes import children\n"
        "from deploy_project.orchestration.processes import execute_run\n"
        f"execute_run.start_dbt({EXAMPLE_JOB!r})\n"
        "print(len(children._warm), 'dagster' in sys.modules)\n"
        "execute_run.start_dbt('somebody_elses')\n"
        "print(len(children._warm))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["1", "False", "1"], done.stderr


@pytest.mark.parametrize(
    ("named", "started"),
    [({"tag": EXAMPLE_JOB}, True), ({"job": "daily"}, True), ({"job": "nobody"}, False)],
)
def test_dbt_of_other_steps_is_started_as_early(named: dict[str, str], started: bool):
    """A run of other steps than its job's imported dbt again for each of its commands."""
    environment = EXAMPLE_JOB.partition("__")[0]
    steps = {"job": named.get("job", ""), "steps": ["dbt run", "dbt test"]}
    run = dg.DagsterRun(
        job_name(environment),
        run_config={"ops": {"plan": {"config": steps}}},
        tags={tags.JOB: named["tag"]} if "tag" in named else {},
    )
    code = (
        "import sys\n"
        "from deploy_project.dbt.processes import children\n"
        "from deploy_project.orchestration.processes import execute_run\n"
        f"execute_run.start_dbt({run.job_name!r})\n"
        "print(len(children._warm), 'dagster' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **asked.variables(run)},
    )
    assert done.stdout.split() == [str(int(started)), "False"], done.stderr


def test_a_request_that_a_variable_can_not_hold_is_left_out():
    run = dg.DagsterRun("prod__requested", run_config={"a": "x" * asked.LARGEST})
    assert asked.variables(run) == {}


def test_the_overrides_of_a_run_decide_which_dbt_it_needs():
    deployment = load_deployment(settings().config_file, state=Path("state"))
    run = dg.DagsterRun(
        EXAMPLE_JOB,
        run_config={"ops": {"clone_git_repository": {"config": {"dbt_version": "1.10.*"}}}},
    )
    job = asked.job_of(EXAMPLE_JOB, asked.told(run), deployment)
    assert job == replace(deployment.jobs[EXAMPLE_JOB], dbt_version="1.10.*")
    wrong = dg.DagsterRun(
        EXAMPLE_JOB, run_config={"ops": {"clone_git_repository": {"config": {"threads": 0}}}}
    )
    assert asked.job_of(EXAMPLE_JOB, asked.told(wrong), deployment) is None, "it will be refused"


def test_only_a_run_by_hand_says_what_it_builds(instance: dg.DagsterInstance):
    job = dg.build_reconstructable_job(__name__, "chain", ("",))
    origin, orders = job.get_python_origin(), dg.AssetKey(["prod", "orders"])
    check = dg.AssetCheckKey(dg.AssetKey(["staging", "orders"]), "unique")
    cases: list[tuple[dict[str, Any], set[dg.AssetKey]]] = [
        ({}, set()),
        (
            {"asset_selection": {orders}, "asset_check_selection": {check}},
            {orders, check.asset_key},
        ),
    ]
    for chosen, expected in cases:
        run = dg.DagsterRun("chain", job_code_origin=origin, **chosen)
        instance.add_run(run)
        command, variables = launching.run_command(instance, run)
        ((_, told),) = variables.items()
        assert run_process.executed_selection(command[2:], told) == expected
        assert run_process.executed_selection([*command[2:], told], None) == expected
    assert run_process.executed_selection(["dagster", "api", "grpc"], None) == set()


def test_the_table_of_runs_is_asked_for_ids_and_has_our_index_beside_it(tmp_path: Path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        run = made.add_run(dg.DagsterRun("daily"))
        for text in (run.run_id[:6], str(tags.run_number(run.run_id))):
            assert run_storage.matching_runs(made, text) == {run.run_id: Status.QUEUED}
        assert run_storage.matching_runs(made, "x") == {}
        index = run_storage.index_beside(made)
        assert index is not None
        assert index.ids() == set()
        (table,) = tmp_path.rglob("runs.db")
        assert table.with_name(run_storage.INDEX).is_file()
