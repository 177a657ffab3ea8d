"""Frozen dataclasses of one deployment: its projects, environments and jobs, all resolved.

`deploy_project.config.resolve.loading` makes them from the files; nothing else does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deploy_project.config.values.tokens import REQUESTS_PER_MINUTE, Token

if TYPE_CHECKING:
    from deploy_project.config.values.notifications import Channel, OwnerRule, Rule
    from deploy_project.config.values.webhooks import FileSubscription

EnvironmentType = Literal["production", "staging", "general"]
JobType = Literal["scheduled", "other", "ci", "merge"]
HostingKind = Literal["github", "gitlab", "gitea"]
RULES = (1, 2, 3, 4, 5, 6, 8, 10)
"""The limits of concurrent runs that dagster.yaml has rules for."""


@dataclass(frozen=True)
class Secret:
    """The place of a secret, an environment variable or a file; never the secret itself."""

    env: str | None = None
    file: Path | None = None
    place: str = field(default="", compare=False, repr=False)
    """The file and line that name it, for people."""

    def __str__(self) -> str:
        return f"environment variable {self.env!r}" if self.env else f"file {str(self.file)!r}"


Variables = Mapping[str, str | Secret]
"""Environment variables of dbt by name: a plain value, or the place of a secret one."""


@dataclass(frozen=True)
class Account:
    """The account, as dbt Cloud numbers it."""

    id: int
    name: str
    run_slots: int | None = None
    """How many runs may be in progress at once, those of CI jobs aside; None is no limit (Q-1)."""


@dataclass(frozen=True)
class Hosting:
    """The site that shows the repository to people, and has its pull requests."""

    kind: HostingKind
    url: str
    """The repository's page, without a slash at its end."""
    api_url: str = ""
    """The root of its API, without a slash at its end; empty when it can't be told."""
    repository: str = ""
    """The repository's name in the API: `owner/name`; empty when it can't be told."""
    token: Secret | None = None
    """The API token."""


@dataclass(frozen=True)
class PullRequestRules:
    """The rules for a project's pull requests: how they are found, built and reported."""

    refs: str | None = None
    """A pattern such as `refs/pull/*/head`: the references to find them by; None is not stated."""
    fork_label: str | None = None
    """The label that lets a pull request of a fork be built; None is never (CI-14)."""
    schema_guard: bool = True
    """Whether a run fails that would build outside the schemas of its pull request."""
    without_state: Literal["fail", "build_all"] = "fail"
    """The behaviour of a run without a state to compare with and defer to (CI-8)."""
    sample_rows: bool = True
    """Whether rows of tables are shown, to all who may read the pull request."""
    build: Literal["head", "merge"] = "head"
    """The commit to build: the head itself, as on dbt Cloud, or its merge with the base branch."""
    sandbox: Literal["required", "when_possible", "off"] = "when_possible"
    """Whether the kernel holds its processes to their own files (DESIGN 15)."""
    network: tuple[int, ...] | None = None
    """The TCP ports that they may connect to; None is any."""
    memory: int | None = None
    """The limit of each process's data, in bytes; None is no limit."""


@dataclass(frozen=True)
class TranslatorClass:
    """A subclass of dagster-dbt's translator, in a Python file of the deployment's own."""

    directory: Path
    """The directory of deploy.yaml, where other modules of the deployment's own are, too."""
    file: Path
    module: str
    name: str
    place: str = field(default="", compare=False, repr=False)
    """The file, line and key that name it, for people."""


@dataclass(frozen=True)
class Project:
    """One dbt project in one git repository."""

    name: str
    id: int
    repository: str
    """A URL that git understands, or an absolute path."""
    subdirectory: str = ""
    """The directory of `dbt_project.yml`, relative to the repository's root; empty for the root."""
    hosting: Hosting | None = None
    pull_requests: PullRequestRules = PullRequestRules()
    username: str = "x-access-token"
    token: Secret | None = None
    git_repo_cache: bool = False
    """Whether runs take the last known commit when the remote can't be asked (JOB-13)."""
    partial_parsing: bool = True
    """Whether the first parse of a commit starts from that of another one (JOB-14)."""
    variables: Variables = field(default_factory=dict[str, str | Secret])
    pass_variables: tuple[str, ...] = ()
    """Variables of Dagster's processes that dbt gets beside those that pass by default."""
    translator: TranslatorClass | None = field(default=None, repr=False)
    """The class that names and describes its assets; None is dagster-dbt's own."""
    hook_secret: Secret | None = field(default=None, repr=False)
    """The secret that its hosting site signs messages with; None takes no messages."""


@dataclass(frozen=True)
class Environment:
    """A deployment environment: its code, its warehouse and its dbt version."""

    name: str
    id: int
    project: Project
    type: EnvironmentType
    branch: str | None = None
    """The branch to deploy; with neither branch nor tag, the remote's default branch."""
    tag: str | None = None
    target: str | None = None
    """The output of `profiles.yml` to use; None is that file's own default."""
    profiles_directory: str | None = None
    """Absolute, or relative to the dbt project; None is the dbt project's own directory."""
    connection: Mapping[str, Any] | None = None
    """An output as `profiles.yml` has it; replaces `profiles_directory` and `target`."""
    extended_attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Keys of the output that replace what the connection, `schema` and `threads` say (ENV-5)."""
    target_schema: str | None = None
    threads: int | None = None
    dbt_version: str | None = None
    """A version like `1.10.3` or `1.10.*`; None is the dbt installed beside this package."""
    variables: Variables = field(default_factory=dict[str, str | Secret])
    pass_variables: tuple[str, ...] = ()
    """Those of the project are not repeated here."""
    withheld: frozenset[Secret] = frozenset()
    """The secrets of the whole deployment that dbt must not see: of git, sites and channels."""
    concurrency: int | None = None
    """How many runs of this environment may be in progress at once; None is no limit."""
    row_counts: bool = False
    column_lineage: bool = False
    show_rows: bool = field(default=False, repr=False)
    """Whether the first rows that a test has found are shown to all who can open Dagster."""
    pull_request_days: int = 30
    """Days without a run until a pull request's schemas or copies are dropped; 0 is never."""

    @property
    def ref(self) -> str:
        """The git reference to deploy: `refs/heads/…`, `refs/tags/…` or `HEAD`."""
        if self.tag is not None:
            return f"refs/tags/{self.tag}"
        return f"refs/heads/{self.branch}" if self.branch is not None else "HEAD"


def production(environments: Iterable[Environment]) -> Environment | None:
    """Return the production environment among those of one project, which has at most one."""
    return next((each for each in environments if each.type == "production"), None)


def record_key(environment: str, job: str, *, of_pull_requests: bool = False) -> tuple[str, ...]:
    """Return the key of the asset with the records of a job's runs (DESIGN 5).

    `job` is the job's identifier in the files.
    """
    return (environment, "ci" if of_pull_requests else "jobs", job)


@dataclass(frozen=True)
class DeferToEnvironment:
    """Compare and defer to the last successful deploy run of an environment (CI-5)."""

    environment: str


@dataclass(frozen=True)
class DeferToJob:
    """Compare and defer to the last successful run of one job (CI-6)."""

    job: str
    """The `name` of the `Job`."""


Deferral = DeferToEnvironment | DeferToJob


@dataclass(frozen=True)
class JobParent:
    """A parent job: its end starts the other one."""

    job: str
    """The `name` of the `Job`; of a job of another code location, its name in Dagster."""
    statuses: tuple[int, ...] = (10, 20, 30)
    """10 is success, 20 error, 30 cancelled."""
    location: str | None = None
    """The code location of the job; None is this deployment."""

    def __str__(self) -> str:
        return f"job {self.job}" + (f" of {self.location}" if self.location else "")


@dataclass(frozen=True)
class AssetParent:
    """A parent asset, of any code location: its materialization starts the job."""

    key: tuple[str, ...]

    def __str__(self) -> str:
        return f"asset {'/'.join(self.key)}"


Parent = JobParent | AssetParent


@dataclass(frozen=True)
class Completion:
    """Start when one parent has ended in a certain way, or when all of them have."""

    parents: tuple[Parent, ...]
    """At least one, and none twice."""
    needs_all: bool = False

    def __str__(self) -> str:
        return (" and " if self.needs_all else " or ").join(map(str, self.parents))


OffPart = Literal["job", "trigger", "parent", "deferral"]
_OFF: Mapping[OffPart, str] = {
    "job": "The job is off",
    "trigger": "The completion trigger is off",
    "parent": "A parent of the completion trigger is off",
    "deferral": "The deferral is off",
}


@dataclass(frozen=True)
class Off:
    """A part of a job that a mistake in the files has turned off; everything else works."""

    part: OffPart
    why: str
    """The key, its fault, the value that was found there, and what to do."""

    def __str__(self) -> str:
        return f"{_OFF[self.part]}: {self.why}"


@dataclass(frozen=True)
class WrittenJob:
    """A job in the words of its file, to show them or to change the file."""

    file: Path
    line: int
    over_api: bool = False
    """Whether it was made over the API; a job of the files in git is only read there."""
    entry: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The keys that the file states, and their values as the file's model has them."""


@dataclass(frozen=True)
class Job:
    """One deployment job, resolved against its environment."""

    name: str
    """The name of the Dagster job: `<environment>__<identifier>`, letters, digits and `_` only."""
    identifier: str
    id: int
    title: str
    """The name people gave it on dbt Cloud."""
    environment: Environment
    description: str
    job_type: JobType
    steps: tuple[tuple[str, ...], ...]
    """The arguments after `dbt` of each command, as the shell would split them."""
    commands: tuple[str, ...]
    """The commands as written, one for each of `steps`, beginning with `dbt`."""
    target_name: str | None = None
    """`target.name` during this job's runs; None is the environment's own target."""
    threads: int | None = None
    timeout_seconds: int = 0
    """0 is no limit."""
    dbt_version: str | None = None
    """None is the environment's."""
    deferral: Deferral | None = None
    run_generate_sources: bool = False
    generate_docs: bool = False
    cron: tuple[str, ...] = ()
    timezone: str = "UTC"
    scheduled: bool = False
    on_merge: bool = False
    on_pull_request: bool = False
    on_draft_pull_request: bool = False
    completion: Completion | None = None
    run_lint: bool = False
    errors_on_lint_failure: bool = True
    run_compare_changes: bool = False
    compare_changes_flags: tuple[str, ...] = ("--select", "state:modified")
    """The options that select the nodes to compare, as `dbt ls` takes them."""
    cost_optimization_features: tuple[str, ...] = ()
    variables: Variables = field(default_factory=dict[str, str | Secret])
    deactivate_after: int = 0
    """How many failures in a row deactivate it; 0 is never (JOB-12)."""
    off: tuple[Off, ...] = field(default=(), repr=False)
    """The parts that are off; not in its `repr`, which must not change with an error's words."""
    written: WrittenJob | None = field(default=None, compare=False, repr=False)
    """The job as its file has it; None for one of no file."""

    @property
    def builds_pull_requests(self) -> bool:
        """Whether it builds pull requests, or may have built some before."""
        return self.job_type == "ci" or self.on_pull_request

    @property
    def why_off(self) -> str | None:
        """The reason why nothing can start it, not even a person; None when it can be started."""
        return next((str(each) for each in self.off if each.part == "job"), None)

    @property
    def why_no_deferral(self) -> str | None:
        """The reason why its deferral is off; None when it defers, or is not meant to."""
        return next((str(each) for each in self.off if each.part == "deferral"), None)

    @property
    def defers_to(self) -> str:
        """The name of the environment or job that it defers to; empty for none."""
        wanted = self.deferral
        if wanted is None:
            return ""
        return wanted.environment if isinstance(wanted, DeferToEnvironment) else wanted.job


@dataclass(frozen=True)
class Deployment:
    """The whole of one deployment, as written in `deploy.yaml` and the jobs files."""

    source: Path
    account: Account
    projects: Mapping[str, Project]
    environments: Mapping[str, Environment]
    jobs: Mapping[str, Job]
    """By `Job.name`, in the order of the files."""
    artifacts: str | None = None
    """URL or absolute path of the artifact root; None is `artifacts` in the state directory."""
    dagster_url: str = "http://127.0.0.1:3000"
    """The address of the Dagster webserver for people and programs, no slash at its end."""
    docs_url: str | None = None
    """The address of `deploy-project serve`; None leaves links to the docs out."""
    channels: "Mapping[str, Channel]" = field(default_factory=dict[str, "Channel"])
    """The channels of messages by name."""
    notifications: "tuple[Rule, ...]" = ()
    """The rules that say which ends of runs are told to which channels."""
    tokens: Mapping[str, Token] = field(default_factory=dict[str, Token])
    """The tokens of the API by name."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    """How many requests of each token the API answers in a minute."""
    model_notifications: "tuple[OwnerRule, ...]" = ()
    """The rules that say what is told to the owners of models and sources."""
    webhooks: "Mapping[str, FileSubscription]" = field(
        default_factory=dict[str, "FileSubscription"]
    )
    """The subscriptions to dbt Cloud's events of runs, by name."""
    webhook_hosts: tuple[str, ...] = ()
    """The machines at private addresses that webhooks may go to."""
    warnings: tuple[str, ...] = ()
    """A line for each mistake that turns one thing off, with file and line."""
    patterns: tuple[str, ...] = field(default=(), repr=False)
    """The absolute paths and globs of all files that it was read from, save `source`."""

    def environments_of(self, project: Project) -> list[Environment]:
        """Return the environments of a project."""
        return [each for each in self.environments.values() if each.project == project]

    def jobs_of(self, project: Project) -> list[Job]:
        """Return the jobs in all environments of a project."""
        return [each for each in self.jobs.values() if each.environment.project == project]

    def jobs_in(self, environment: Environment) -> list[Job]:
        """Return the jobs in one environment."""
        return [each for each in self.jobs.values() if each.environment == environment]

    def production_of(self, project: Project) -> Environment | None:
        """Return the production environment of a project."""
        return production(self.environments_of(project))

    @property
    def receivers(self) -> "Iterator[Channel | FileSubscription]":
        """All that has secrets of its own: channels, and subscriptions."""
        yield from self.channels.values()
        yield from self.webhooks.values()

    def run_page(self, run_id: str) -> str:
        """Return the address of a run in Dagster's UI."""
        return f"{self.dagster_url}/runs/{run_id}"
