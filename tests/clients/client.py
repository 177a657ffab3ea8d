"""The clients: their packages, interpreters and programs."""

from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
"""A folder for each client: its program, and the pinned requirements of its environment."""


@dataclass(frozen=True)
class Client:
    """A program that speaks dbt Cloud's API, as it is released."""

    name: str
    """That of the folder with its program."""
    title: str
    package: str = ""
    """The package that gives it its version; empty for what is no package."""
    version: str = ""
    """The version of what is no package."""
    environment: str = ""
    """The folder with the requirements of its environment; empty for our own."""
    python: str = "3.11"
    """The interpreter that its environment needs."""
    only_named: bool = False
    """Whether its environment has the requirements that are named, and none of theirs."""

    @property
    def program(self) -> Path:
        return PROGRAMS / self.name / "program.py"

    @property
    def requirements(self) -> Path:
        """The packages of its environment, all pinned."""
        return PROGRAMS / self.environment / "requirements.txt"

    @property
    def is_ours(self) -> bool:
        """Whether it runs in our own environment, and so in CI."""
        return not self.environment


CLIENTS = (
    Client("curl", "curl and jq in shell scripts"),
    Client("dagster_dbt", "dagster-dbt, `DbtCloudWorkspace`", "dagster-dbt"),
    Client("dbt_jobs_as_code", "dbt-jobs-as-code", "dbt-jobs-as-code"),
    Client("command_line", "`deploy-project` in a shell step", "deploy-project"),
    Client("fal_ai_action", "fal-ai/dbt-cloud-action, its requests", version="59f51cd"),
    Client("dbt_labs_script", "dbt Labs' dbt_cloud_run_job.py, its requests", version="19192ea"),
    Client("kestra", "Kestra's plugin-dbt, its requests", version="582b892"),
    Client("catalogs", "OpenMetadata, DataHub and Soda, their REST requests"),
    Client("airflow", "Airflow", "apache-airflow-providers-dbt-cloud", environment="airflow"),
    Client("bash_operator", "Airflow's BashOperator", "apache-airflow", environment="airflow"),
    Client("prefect_dbt", "prefect-dbt", "prefect-dbt", environment="prefect_dbt"),
    Client("prefect_1", "Prefect 1", "prefect", environment="prefect_1", python="3.9"),
    Client("dbtc", "dbtc", "dbtc", environment="dbtc"),
    Client("dbt_cloud_cli", "dbt-cloud-cli", "dbt-cloud-cli", environment="dbt_cloud_cli"),
    Client("dlt", "dlt, `DBTCloudClientV2`", "dlt", environment="dlt"),
    Client(
        *("dbt_mcp", "dbt-mcp, `DbtAdminAPIClient`", "dbt-mcp"),
        environment="dbt_mcp",
        python="3.12",
    ),
    Client("mage", "Mage, `DbtCloudClient`", "mage-ai", environment="mage", only_named=True),
)
