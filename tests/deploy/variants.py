"""The variants of dagster.yaml in docs/deploy; that of Kubernetes as Dagster's chart makes it."""

import re
from typing import Any

import yaml

from tests.support.paths import ROOT

DEPLOY = ROOT / "docs" / "deploy"
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def root() -> dict[str, Any]:
    """Return the dagster.yaml of the repository, for one machine."""
    return yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))


def processes() -> dict[str, Any]:
    """Return the variant with a process for each run."""
    return _loaded("compose/dagster.yaml")


def default() -> dict[str, Any]:
    """Return the variant without a launcher of its own, as docs/deploy/README.md says."""
    found = processes()
    del found["run_launcher"]
    return found


def docker() -> dict[str, Any]:
    """Return the variant with a container for each run."""
    return _loaded("compose/dagster.docker.yaml")


def kubernetes(values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the chart's templates make of our values.

    The chart was rendered by Helm once, and compared with this.
    """
    values = values or kubernetes_values()
    daemon, additional = values["dagsterDaemon"], values["additionalInstanceConfig"]
    logs = values["computeLogManager"]["config"]["customComputeLogManager"]
    return {
        **_storages({"postgres_db": _database(values["postgresql"])}),
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": _launcher(values),
        },
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": _snake(daemon["runCoordinator"]["config"]["queuedRunCoordinator"]),
        },
        "compute_logs": logs,
        "run_monitoring": _snake(daemon["runMonitoring"]),
        "run_retries": _snake(daemon["runRetries"]),
        "sensors": _snake(daemon["sensors"]),
        "schedules": _snake(daemon["schedules"]),
        "python_logs": _snake(values["pythonLogs"]),
        "telemetry": values["telemetry"],
        "retention": {"sensor": _snake(values["retention"]["sensor"])},
        **additional,
    }


def kubernetes_values() -> dict[str, Any]:
    """Return our values for Dagster's chart."""
    return _loaded("kubernetes/values.yaml")


def container_context(values: dict[str, Any]) -> dict[str, Any]:
    """Return what runs get of the code server's Deployment, as the chart tells the code server."""
    (code,) = values["dagster-user-deployments"]["deployments"]
    return {
        "k8s": {
            "image_pull_policy": code["image"]["pullPolicy"],
            "env_config_maps": [f"dagster-dagster-user-deployments-{code['name']}-user-env"],
            "env_secrets": [each["name"] for each in code["envSecrets"]],
            "volume_mounts": code["volumeMounts"],
            "volumes": code["volumes"],
            "resources": code["resources"],
            "namespace": "default",
            "service_account_name": values["global"]["serviceAccountName"],
            "run_k8s_config": {"pod_spec_config": {"automount_service_account_token": True}},
        }
    }


def _launcher(values: dict[str, Any]) -> dict[str, Any]:
    found = values["runLauncher"]["config"]["k8sRunLauncher"]
    return {
        "load_incluster_config": True,
        "job_namespace": "default",
        "image_pull_policy": found["imagePullPolicy"],
        "service_account_name": values["global"]["serviceAccountName"],
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "security_context": found["securityContext"],
        "run_k8s_config": _snake(found["runK8sConfig"], depth=1),
    }


def _storages(config: dict[str, Any]) -> dict[str, Any]:
    modules = {"run_storage": "Run", "event_log": "EventLog", "schedule_storage": "Schedule"}
    return {
        f"{module.removesuffix('_storage')}_storage": {
            "module": f"dagster_postgres.{module}",
            "class": f"Postgres{kind}Storage",
            "config": config,
        }
        for module, kind in modules.items()
    }


def _database(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "scheme": values["postgresqlScheme"],
        "hostname": values["postgresqlHost"],
        "port": values["service"]["port"],
        "username": values["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "db_name": values["postgresqlDatabase"],
    }


def _snake(value: dict[str, Any], *, depth: int = 2) -> dict[str, Any]:
    return {
        _CAPITAL.sub(r"_\1", name).lower(): _snake(inner, depth=depth - 1)
        if isinstance(inner, dict) and depth > 1
        else inner
        for name, inner in value.items()
    }


def _loaded(name: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
