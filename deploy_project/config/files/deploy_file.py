"""The keys of deploy.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from deploy_project.config.files.model import (
    LARGEST_COUNT,
    LARGEST_ID,
    LONGEST_NAME,
    MOST_THREADS,
    NAME,
    Strict,
)
from deploy_project.config.values.deployment import (
    Deployment,
    Environment,
    EnvironmentType,
    HostingKind,
    Job,
    Project,
    PullRequestRules,
)
from deploy_project.config.values.notifications import (
    Condition,
    Email,
    OfModels,
    OfTests,
    OwnerRule,
    PullRequests,
    Repeat,
    Rule,
    Security,
)
from deploy_project.config.values.passed import OURS
from deploy_project.config.values.tokens import REQUESTS_PER_MINUTE, Permission, Token
from deploy_project.config.values.webhooks import EventType, FileSubscription

SECRET_SCHEMA: dict[str, Any] = {
    "description": "Where the secret is kept.",
    "type": "object",
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
VALUE_SCHEMA: dict[str, Any] = {"anyOf": [{"type": ["string", "number", "boolean"]}, SECRET_SCHEMA]}
_VARIABLES_SCHEMA: dict[str, Any] = {
    "description": "Environment variables of dbt.",
    "type": "object",
    "patternProperties": {
        "^DBT_ENV_SECRET": SECRET_SCHEMA,
        "^DBT_(?!ENV_SECRET)": VALUE_SCHEMA,
    },
    "additionalProperties": False,
}
_PASSED_SCHEMA: dict[str, Any] = {
    "description": "Names of variables that dbt gets from the environment of Dagster's processes.",
    "type": "array",
    "items": {"type": "string", "pattern": f"^(?!{OURS.pattern})[A-Za-z_][A-Za-z0-9_]*$"},
    "uniqueItems": True,
}

Name = Annotated[str, StringConstraints(pattern=NAME, max_length=LONGEST_NAME)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Text = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Megabytes = Annotated[int, Field(ge=256, le=1 << 30)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)]
Times = Annotated[float, Field(ge=1.1, le=1000)]
CountOrNone = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Days = Annotated[int, Field(ge=0, le=36_500)]
# Read by `values`, whose errors say more than those of a union of types would.
SecretValue = Annotated[Any, WithJsonSchema(SECRET_SCHEMA)]
VariableValues = Annotated[dict[str, Any], WithJsonSchema(_VARIABLES_SCHEMA)]
AddressValue = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, SECRET_SCHEMA]})
]
Texts = Annotated[list[Text], Field(min_length=1)]
# A date or a time, which YAML makes a value of its own.
Moment = Annotated[Any, WithJsonSchema({"type": "string"})]
# Read by `values` as well, so that each name is refused by itself.
PassedNames = Annotated[list[Any], WithJsonSchema(_PASSED_SCHEMA)]


class AccountEntry(Strict):
    """The account, as dbt Cloud numbers it."""

    id: Id | None = None
    name: str = "default"
    run_slots: Count | None = None


class HostingEntry(Strict):
    """The site that shows the repository to people, and has its pull requests."""

    kind: HostingKind | None = None
    url: Text | None = None
    api_url: Text | None = None
    token: SecretValue = None


class PullRequestsEntry(Strict):
    """The rules for a project's pull requests: how they are found, built and reported."""

    refs: Text | None = None
    fork_label: Text | None = None
    schema_guard: bool = PullRequestRules.schema_guard
    without_state: Literal["fail", "build_all"] = PullRequestRules.without_state
    sample_rows: bool = PullRequestRules.sample_rows
    build: Literal["head", "merge"] = PullRequestRules.build
    sandbox: Literal["required", "when_possible", "off"] = PullRequestRules.sandbox
    network: list[Port] | None = None
    memory: Megabytes | None = None


class HooksEntry(Strict):
    """The messages of the hosting site on news of the repository."""

    secret: SecretValue


class ProjectEntry(Strict):
    """One dbt project in one git repository."""

    id: Id | None = None
    repository: Text
    subdirectory: str = Project.subdirectory
    hosting: HostingEntry | None = None
    pull_requests: PullRequestsEntry = PullRequestsEntry()
    hooks: HooksEntry | None = None
    username: str = Project.username
    token: SecretValue = None
    git_repo_cache: bool = Project.git_repo_cache
    partial_parsing: bool = Project.partial_parsing
    variables: VariableValues = Field(default_factory=dict)
    pass_variables: PassedNames = Field(default_factory=list)
    translator: Text | None = None


class EnvironmentEntry(Strict):
    """A deployment environment: its code, its warehouse and its dbt version."""

    id: Id | None = None
    project: str | None = None
    type: EnvironmentType = "general"
    branch: Text | None = None
    tag: Text | None = None
    target: Text | None = None
    profiles_directory: Text | None = None
    connection: dict[str, Any] | None = None
    extended_attributes: dict[str, Any] = Field(default_factory=dict)
    target_schema: Text | None = Field(default=None, alias="schema")
    threads: Threads | None = None
    dbt_version: str | None = None
    variables: VariableValues = Field(default_factory=dict)
    pass_variables: PassedNames = Field(default_factory=list)
    concurrency: Count | None = None
    row_counts: bool = Environment.row_counts
    column_lineage: bool = Environment.column_lineage
    show_rows: bool = Environment.show_rows
    pull_request_days: Days = Environment.pull_request_days


class Defaults(Strict):
    """Default values for environments and jobs that state none of their own."""

    threads: Threads | None = None
    dbt_version: str | None = None
    timezone: str = Job.timezone
    deactivate_after: CountOrNone = 100


class EmailEntry(Strict):
    """Mail to people, by an SMTP server."""

    host: Text
    port: Port = Email.port
    security: Security = Email.security
    username: Text | None = None
    password: SecretValue = None
    sender: Text = Field(alias="from")
    to: Texts


class SlackEntry(Strict):
    """Messages in Slack: by an incoming webhook, or by a bot's token to a channel."""

    webhook: SecretValue = None
    token: SecretValue = None
    channel: Text | None = None


class PagerDutyEntry(Strict):
    """Incidents of a service in PagerDuty."""

    routing_key: SecretValue


class TeamsEntry(Strict):
    """Messages in Microsoft Teams, by the webhook of a workflow."""

    webhook: SecretValue


class WebhookEntry(Strict):
    """JSON to an address, signed with a secret."""

    url: AddressValue
    secret: SecretValue = None


class ChannelEntry(Strict):
    """A place that messages go to: one of these."""

    email: EmailEntry | None = None
    slack: SlackEntry | None = None
    teams: TeamsEntry | None = None
    pagerduty: PagerDutyEntry | None = None
    webhook: WebhookEntry | None = None
    file: Text | None = Field(default=None, description="A directory that files are written to.")


class LateEntry(Strict):
    """The limits beyond which a run, or a schedule, is late."""

    times: Times | None = None
    minutes: Count | None = None


class SubscriptionEntry(Strict):
    """A subscription to dbt Cloud's webhooks: events of runs are posted to an address."""

    url: AddressValue
    secret: SecretValue
    events: Annotated[list[EventType], Field(min_length=1)]
    jobs: Texts = Field(default_factory=lambda: list(FileSubscription.jobs))
    description: str = FileSubscription.description


class NotificationEntry(Strict):
    """A rule: ends of certain runs are told to certain channels."""

    on: Annotated[list[Condition], Field(min_length=1)]
    channels: Texts
    jobs: Texts = Field(default_factory=lambda: list(Rule.jobs))
    environments: Texts = Field(default_factory=lambda: list(Rule.environments))
    projects: Texts = Field(default_factory=lambda: list(Rule.projects))
    pull_requests: PullRequests = Rule.pull_requests
    repeat: Repeat = Rule.repeat
    late: LateEntry | None = None


class ModelNotificationEntry(Strict):
    """A rule on mail to the owners of models and sources."""

    channel: Text
    models: list[OfModels] = Field(default_factory=lambda: sorted(OwnerRule.models))
    tests: list[OfTests] = Field(default_factory=lambda: sorted(OwnerRule.tests))
    jobs: Texts = Field(default_factory=lambda: list(OwnerRule.jobs))
    environments: Texts = Field(default_factory=lambda: list(OwnerRule.environments))
    projects: Texts = Field(default_factory=lambda: list(OwnerRule.projects))
    repeat: Repeat = OwnerRule.repeat


class TokenEntry(Strict):
    """A token of the API: its permissions, and the projects and environments they are for."""

    sha256: Text
    permissions: Annotated[list[Permission], Field(min_length=1)]
    projects: Texts = Field(default_factory=lambda: list(Token.projects))
    environments: Texts = Field(default_factory=lambda: list(Token.environments))
    expires: Moment = None
    email: Text | None = None


class FrontEntry(Strict):
    """The front: the API, pages and hooks of `deploy-project serve`."""

    requests_per_minute: Count = REQUESTS_PER_MINUTE


class DeployFile(Strict):
    """The account, projects and environments of one deployment, and the paths of its jobs files."""

    account: AccountEntry | None = None
    projects: dict[Name, ProjectEntry] = Field(default_factory=dict)
    environments: dict[Name, EnvironmentEntry] = Field(default_factory=dict)
    jobs: list[str] | None = Field(
        default=None, description="Files, directories or globs; `jobs.yml` when left out."
    )
    vars_files: list[str] = Field(default_factory=list)
    channels: dict[Name, ChannelEntry] = Field(default_factory=dict)
    notifications: list[NotificationEntry] = Field(default_factory=list[NotificationEntry])
    tokens: dict[Name, TokenEntry] = Field(default_factory=dict)
    front: FrontEntry = FrontEntry()
    model_notifications: list[ModelNotificationEntry] = Field(
        default_factory=list[ModelNotificationEntry]
    )
    webhooks: dict[Name, SubscriptionEntry] = Field(default_factory=dict)
    webhook_hosts: list[Text] = Field(
        default_factory=list, description="Machines at private addresses that webhooks may go to."
    )
    artifacts: Text | None = None
    dagster_url: str = Deployment.dagster_url
    docs_url: str | None = None
    defaults: Defaults = Defaults()
