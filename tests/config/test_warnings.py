"""Mistakes that turn one thing off: everything else is as if they were not there."""

from dataclasses import replace

import pytest

from deploy_project.config.values.deployment import (
    Completion,
    DeferToEnvironment,
    DeferToJob,
    Deployment,
    JobParent,
)
from deploy_project.runs.model.streak import fingerprint
from tests.support.deployments.configuration_files import Configuration

KEY = "job_completion_trigger_condition"
KNOWN = "name an environment of deploy.yaml: 'production', 'staging'"
EXPORT = "export the jobs with their ids (`dbt-jobs-as-code import-jobs --include-linked-id`)"
EXPORTED = """
jobs:
  import_1:
    account_id: 43791
    project_id: 7
    environment_id: 11
    dbt_version: null
    name: Nightly
    settings: {threads: 4, target_name: default}
    deferring_job_definition_id: null
    deferring_environment_id: null
    self_deferring: false
    run_generate_sources: false
    execute_steps: [dbt build]
    generate_docs: false
    schedule: {cron: "0 6 * * *"}
    triggers: {github_webhook: false, git_provider_webhook: false, schedule: true, on_merge: false}
    job_completion_trigger_condition: null
  import_2:
    account_id: 43791
    project_id: 7
    environment_id: 12
    dbt_version: null
    name: After it
    settings: {threads: 4, target_name: default}
    deferring_job_definition_id: 31
    deferring_environment_id: null
    self_deferring: false
    run_generate_sources: false
    execute_steps: [dbt build]
    generate_docs: false
    schedule: {cron: "0 7 * * *"}
    triggers: {github_webhook: false, git_provider_webhook: false, schedule: true, on_merge: false}
    job_completion_trigger_condition: {condition: {job_id: 31, project_id: 7, statuses: [10]}}
"""


def loaded(configuration: Configuration, jobs: str) -> Deployment:
    return configuration.load({"jobs.yml": jobs})


def warnings(configuration: Configuration, jobs: str) -> list[str]:
    """Return the warnings, without the directory."""
    found = loaded(configuration, jobs).warnings
    return [each.replace(f"{configuration.root}/", "") for each in found]


def with_keys(keys: str) -> str:
    return f"jobs:\n  other: {{environment: production}}\n  one: {{environment: staging, {keys}}}"


def numbered(identifier: int, by_name: str, known: str = "none") -> str:
    return (
        f"{EXPORT}, put `id: {identifier}` at that job, or name it by {by_name} "
        f"(known ids: {known})"
    )


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        (
            "deferring_environment: prod",
            "one.deferring_environment: is no environment, found 'prod', so the deferral is off; "
            f"{KNOWN}",
        ),
        (
            "deferring_environment_id: 99",
            "one.deferring_environment_id: is the id of no environment, found 99, so the deferral "
            "is off; put `id: 99` at its environment in deploy.yaml "
            "(known ids: 11 is 'production', 12 is 'staging')",
        ),
        (
            "deferring_job: two",
            "one.deferring_job: is no job, found 'two', so the deferral is off; "
            "name a known one: 'other', 'one'",
        ),
        (
            "deferring_job_definition_id: 78",
            "one.deferring_job_definition_id: is the id of no job, found 78, so the deferral is "
            f"off; {numbered(78, '`deferring_job`')}",
        ),
        (
            "id: 5, deferring_job_definition_id: 78",
            "one.deferring_job_definition_id: is the id of no job, found 78, so the deferral is "
            f"off; {numbered(78, '`deferring_job`', known='5')}",
        ),
        (
            f"{KEY}: {{condition: {{job_id: 78, project_id: 55}}}}",
            f"one.{KEY}.condition.job_id: is the id of no job, found 78, so the completion trigger "
            f"is off; {numbered(78, '`any: [{job: …}]`')}",
        ),
        (
            f"{KEY}: {{any: [{{job: two}}]}}",
            f"one.{KEY}.any.0.job: is no job, found 'two', so the completion trigger is off; "
            "name a known one: 'other', 'one'",
        ),
        (
            f"{KEY}: {{any: [{{job: other}}, {{job: two}}]}}",
            f"one.{KEY}.any.1.job: is no job, found 'two', so this parent of the completion "
            "trigger is off; name a known one: 'other', 'one'",
        ),
        (
            f"{KEY}: {{all: [{{job: other}}, {{job_id: 78}}]}}",
            f"one.{KEY}.all.1.job_id: is the id of no job, found 78, so the completion trigger is "
            f"off; {numbered(78, '`job`')}",
        ),
        (
            "execute_steps: [dbt build, dbt buid]",
            "one.execute_steps.1: is no subcommand of `dbt`, found 'buid', so the job is off; "
            "did you mean `dbt build`?",
        ),
        (
            "execute_steps: [dbt docs serve]",
            "one.execute_steps.0: never ends, found 'dbt docs serve', so the job is off; "
            "have `generate_docs: true`, and `deploy-project serve` shows the docs",
        ),
    ],
)
def test_one_mistake_turns_one_thing_off(configuration: Configuration, keys: str, warning: str):
    """One of these kept all jobs from loading, or was not told at all."""
    assert warnings(configuration, with_keys(keys)) == [f"jobs.yml:3: jobs.{warning}"]
    one = loaded(configuration, with_keys(keys)).jobs["staging__one"]
    (off,) = one.off
    wrong, _, rest = warning.partition(", so ")
    assert off.why == f"jobs.{wrong}; {rest.partition('; ')[2]}"


def test_no_ids_in_an_export_cost_what_refers_to_them_and_nothing_else(
    configuration: Configuration,
):
    """The plain export has the ids that jobs refer to, and not the jobs' own: nothing loaded."""
    found = loaded(configuration, EXPORTED)
    nightly, after = found.jobs["production__import_1"], found.jobs["staging__import_2"]
    assert (nightly.scheduled, nightly.cron, nightly.off) == (True, ("0 6 * * *",), ())
    assert (after.scheduled, after.deferral, after.completion) == (True, None, None)
    assert [str(each).split(":")[0] for each in after.off] == [
        "The deferral is off",
        "The completion trigger is off",
    ]
    assert after.why_off is None
    assert after.why_no_deferral == str(after.off[0])


def test_with_ids_in_the_export_nothing_is_off(configuration: Configuration):
    text = EXPORTED.replace("  import_1:\n", "  import_1:\n    linked_id: 31\n")
    text = text.replace("  import_2:\n", "  import_2:\n    linked_id: 32\n")
    found = loaded(configuration, text)
    after = found.jobs["staging__import_2"]
    assert (found.warnings, after.off) == ((), ())
    assert after.deferral == DeferToJob("production__import_1")
    assert after.completion == Completion((JobParent("production__import_1", (10,)),))


def test_where_all_jobs_have_ids_the_job_is_missing_and_not_its_id(configuration: Configuration):
    text = with_keys("id: 5, deferring_job_definition_id: 78").replace("{", "{id: 4, ", 1)
    (warning,) = warnings(configuration, text)
    assert warning.endswith(
        "found 78, so the deferral is off; add that job to the jobs files, or take this out"
    )


def test_only_the_first_known_ids_are_told(configuration: Configuration):
    others = "\n".join(f"  j{n}: {{environment: production, id: {n}}}" for n in range(1, 13))
    text = with_keys("deferring_job_definition_id: 78")
    (warning,) = warnings(configuration, f"{text}\n{others}")
    assert warning.endswith("(known ids: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more)")


def test_any_of_several_parents_will_do(configuration: Configuration):
    keys = f"{KEY}: {{any: [{{job: gone}}, {{job: other, statuses: [10]}}, {{asset: raw/a}}]}}"
    one = loaded(configuration, with_keys(keys)).jobs["staging__one"]
    assert one.completion is not None
    assert list(map(str, one.completion.parents)) == ["job production__other", "asset raw/a"]
    assert str(one.off[0]).startswith("A parent of the completion trigger is off: jobs.one.")


def test_waiting_for_all_is_never_met_without_one_of_them(configuration: Configuration):
    keys = f"{KEY}: {{all: [{{asset: raw/a}}, {{job: gone}}, {{job: other}}]}}"
    one = loaded(configuration, with_keys(keys)).jobs["staging__one"]
    assert (one.completion, [each.part for each in one.off]) == (None, ["trigger"])


def test_each_parent_of_none_is_told(configuration: Configuration):
    keys = f"{KEY}: {{any: [{{job: gone}}, {{job_id: 78}}]}}"
    one = loaded(configuration, with_keys(keys)).jobs["staging__one"]
    assert (one.completion, [each.part for each in one.off]) == (None, ["trigger", "trigger"])


def test_no_default_takes_the_place_of_a_deferral_that_is_off(configuration: Configuration):
    """A CI job would be compared with production although it names something else."""
    found = loaded(configuration, with_keys("job_type: ci, deferring_environment: qa"))
    assert found.jobs["staging__one"].deferral is None
    found = loaded(configuration, with_keys("job_type: ci"))
    assert found.jobs["staging__one"].deferral == DeferToEnvironment("production")


def test_a_job_that_is_off_keeps_its_commands_and_triggers(configuration: Configuration):
    keys = "execute_steps: [dbt buid --select a], schedule: {cron: '0 6 * * *'}"
    one = loaded(configuration, with_keys(keys)).jobs["staging__one"]
    assert (one.steps, one.scheduled) == ((("buid", "--select", "a"),), True)
    assert one.why_off == (
        "The job is off: jobs.one.execute_steps.0: is no subcommand of `dbt`, found 'buid'; "
        "did you mean `dbt build`?"
    )


def test_others_may_refer_to_a_job_that_is_off(configuration: Configuration):
    text = with_keys("deferring_job: other").replace("{", "{execute_steps: [dbt init], ", 1)
    found = loaded(configuration, text)
    assert len(found.warnings) == 1
    assert found.jobs["staging__one"].deferral == DeferToJob("production__other")


def test_a_reference_to_a_deleted_job_is_off(configuration: Configuration):
    text = """\
    jobs:
      one: {environment: production, deferring_job_definition_id: 5}
      gone: {environment: production, id: 5, state: 2}
    """
    assert warnings(configuration, text) == [
        "jobs.yml:2: jobs.one.deferring_job_definition_id: is the id of no job, found 5, so the "
        f"deferral is off; {numbered(5, '`deferring_job`')}"
    ]


def test_problems_keep_all_from_loading_and_are_told_with_the_warnings(
    configuration: Configuration,
):
    text = with_keys("deferring_job: two, scheduel: {}")
    assert configuration.problems({"jobs.yml": text}) == [
        "jobs.yml:3: jobs.one.deferring_job: is no job, found 'two', so the deferral is off; "
        "name a known one: 'other', 'one'",
        "jobs.yml:3: jobs.one.scheduel: is an unknown key, found 'scheduel'; "
        "did you mean 'schedule'?",
    ]


def test_the_words_of_an_error_do_not_change_the_fingerprint_of_a_job(
    configuration: Configuration,
):
    """Else another job's new id would reactivate a job that has failed a hundred times."""
    one = loaded(configuration, with_keys("deferring_job: two")).jobs["staging__one"]
    assert fingerprint(one) == fingerprint(replace(one, off=()))
    repaired = loaded(configuration, with_keys("deferring_job: other")).jobs["staging__one"]
    assert fingerprint(one) != fingerprint(repaired)
