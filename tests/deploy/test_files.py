"""The files of docs/deploy load, and agree with each other and with what one machine has."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_docker import DockerRunLauncher
from dagster_k8s import K8sRunLauncher
from dagster_k8s.models import k8s_snake_case_dict
from kubernetes import client  # pyright: ignore[reportMissingTypeStubs]

from deploy_project.orchestration.internals import launching, run_queue
from deploy_project.orchestration.processes.launcher import ProcessLauncher
from tests.deploy import variants
from tests.deploy.container_runs import configured, kubeconfig
from tests.deploy.variants import DEPLOY
from tests.support.deployments.site import Site
from tests.support.paths import ROOT

VARIANTS: list[Callable[[], dict[str, Any]]] = [
    variants.processes,
    variants.default,
    variants.docker,
    variants.kubernetes,
]
SAME = ("python_logs", "telemetry", "nux", "run_retries", "schedules", "sensors")
LAUNCHERS = {
    "processes": ProcessLauncher,
    "default": dg.DefaultRunLauncher,
    "docker": DockerRunLauncher,
    "kubernetes": K8sRunLauncher,
}


def rules(found: Mapping[str, Any]) -> tuple[int, Any]:
    """The rules of the run queue, wherever a variant has them."""
    queue = (
        found["concurrency"]["runs"]
        if "concurrency" in found
        else found["run_coordinator"]["config"]
    )
    return queue["max_concurrent_runs"], queue["tag_concurrency_limits"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rules_of_a_variant_are_those_of_one_machine(variant: Callable[[], dict[str, Any]]):
    found, root = variant(), variants.root()
    for key in SAME:
        assert found[key] == root[key], key
    assert rules(found) == rules(root)
    assert found["retention"]["sensor"] == root["retention"]["sensor"]
    monitoring = {**found["run_monitoring"], "start_timeout_seconds": 180}
    assert root["run_monitoring"].items() <= monitoring.items()
    assert monitoring.get("max_resume_run_attempts", 0) == 0, "an executor of ours can't go on"
    for key in ("local_artifact_storage", "compute_logs"):
        base_dir = found[key]["config"]["base_dir"].removeprefix("/srv/")
        assert base_dir == root[key]["config"]["base_dir"]
        assert found[key]["class"] == root[key]["class"]


@pytest.mark.slow
@pytest.mark.xdist_group("deploy")
@pytest.mark.parametrize("variant", VARIANTS)
def test_dagster_loads_a_variant(
    variant: Callable[[], dict[str, Any]],
    tmp_path: Path,
    database: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in database.items():
        monkeypatch.setenv(name, value)
    found = variant()
    if variant is variants.kubernetes:
        connection = found["run_storage"]["config"]["postgres_db"]  # that of all three
        connection.update(hostname="127.0.0.1", port=int(database["DAGSTER_PG_PORT"]))
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9")))
        outside = {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kubeconfig")}
        found["run_launcher"]["config"].update(outside)
        for each in ("compute_logs", "local_artifact_storage"):
            found[each]["config"]["base_dir"] = str(tmp_path)
    site = Site(tmp_path)
    configured(site, found)
    with site.instance() as instance:
        assert type(instance.run_launcher) is LAUNCHERS[variant.__name__]
        wanted = {rule["key"] for rule in rules(variants.root())[1]}
        assert run_queue.queue_rules(instance) == wanted
        assert instance.get_runs_count() >= 0
        ours = launching.launcher_of(instance)
        assert (ours is not None) == (variant is variants.processes)


def test_a_launcher_that_does_not_work_here_is_none_of_ours(tmp_path: Path):
    """The code server of a cluster may have no token; its sensor must not fail for that."""
    found = {"run_launcher": variants.kubernetes()["run_launcher"]}
    with dg.instance_for_test(overrides=found) as instance:
        assert launching.launcher_of(instance) is None


def test_runs_in_docker_find_what_the_daemon_finds():
    compose = loaded("compose/compose.yaml")
    launcher = variants.docker()["run_launcher"]["config"]
    daemon = compose["services"]["daemon"]
    assert {*launcher["env_vars"]} == {*daemon["environment"], "DAGSTER_PG_PASSWORD"}
    assert launcher["network"] == f"{compose['name']}_default"
    assert launcher["container_kwargs"]["volumes"] == [f"{compose['name']}_{daemon['volumes'][0]}"]
    assert launcher["container_kwargs"]["stop_timeout"] < 60, "a tick of a sensor waits for it"
    assert launcher["container_kwargs"]["pids_limit"] < daemon["pids_limit"]
    image = compose["services"]["code"]["environment"]["DAGSTER_CURRENT_IMAGE"]
    assert image == compose["services"]["code"]["image"]


def test_every_service_is_confined_and_healthy():
    compose = loaded("compose/compose.yaml")
    assert set(compose["services"]) == {"postgres", "code", "webserver", "daemon", "docs"}
    for name, service in compose["services"].items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "nothing here asks for a password"
        if name != "postgres":
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["pids_limit"] > 0, name
            mounts = {each.split(":")[1] for each in service["volumes"]}
            assert {"/srv/.deploy", "/srv/dagster.yaml", "/srv/workspace.yaml"} == mounts
    mounted = {str(each) for each in walked(compose) if str(each).startswith("./")}
    for each in mounted:
        assert (DEPLOY / "compose" / each.split(":")[0]).is_file()


def test_the_code_location_is_where_the_workspaces_look():
    (place,) = loaded("compose/workspace.yaml")["load_from"]
    values = variants.kubernetes_values()
    (server,) = values["dagsterWebserver"]["workspace"]["servers"]
    (code,) = values["dagster-user-deployments"]["deployments"]
    assert place["grpc_server"] == {"host": "code", "port": 4000, "location_name": "deploy_project"}
    assert server == {"host": code["name"], "port": code["port"], "name": "deploy_project"}
    command = dockerfile().split("CMD ", 1)[1]
    assert '"4000"' in command
    for word in code["codeServerArgs"]:
        assert f'"{word}"' in command


def test_the_image_has_what_the_files_take_for_granted():
    text = dockerfile()
    assert "USER 10001" in text
    values = variants.kubernetes_values()
    for part in ("dagsterWebserver", "dagsterDaemon"):
        assert values[part]["podSecurityContext"]["runAsUser"] == 10001
    home = re.search(r"DAGSTER_HOME=(\S+)", text)
    assert home is not None
    assert home[1] == values["global"]["dagsterHome"]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    sources = [each for line in copied for each in line.split()]
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    for each in sources:
        assert (ROOT / each).exists(), each
        assert f"!{each}" in allowed, each
    lock = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
    for package in ("dagster-postgres", "dagster-docker", "dagster-k8s"):
        assert f"\n{package}==" in lock
    assert lock.count("--hash=sha256:") > lock.count("==")


def test_what_is_beside_the_chart_is_what_kubernetes_knows():
    text = (DEPLOY / "kubernetes" / "beside.yaml").read_text(encoding="utf-8")
    found = {each["kind"]: each for each in yaml.safe_load_all(text)}
    for kind, each in found.items():
        model = getattr(client, f"V1{kind}")
        k8s_snake_case_dict(model, {k: v for k, v in each.items() if k != "kind"} | {"kind": kind})
    (code,) = variants.kubernetes_values()["dagster-user-deployments"]["deployments"]
    pod = found["Deployment"]["spec"]["template"]["spec"]
    assert pod["volumes"] == code["volumes"]
    assert pod["containers"][0]["volumeMounts"] == code["volumeMounts"]
    assert pod["securityContext"] == code["podSecurityContext"]
    (claim,) = [each["persistentVolumeClaim"] for each in pod["volumes"] if each["name"] == "state"]
    assert claim == {"claimName": found["PersistentVolumeClaim"]["metadata"]["name"]}


def walked(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from walked(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walked(inner)
    else:
        yield value


def loaded(name: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
