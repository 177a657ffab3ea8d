from dataclasses import replace
from pathlib import Path

import dagster as dg

from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from deploy_project.runs.reads.read_model import Runs
from tests.support.api.callers import Caller, token
from tests.support.ports import free_port
from tests.support.servers.hollow_server import page, serve
from tests.support.servers.serving import running


def test_health_tells_strangers_nothing_and_tokens_what_is_wrong(tmp_path: Path):
    own = (token("a", "metadata_only", projects=["nothing"]), token("b", "job_viewer"))
    tokens = {each.name: each for each in own}
    wanted = Deployment(
        tmp_path / "deploy.yaml",
        *(Account(1, "Acme"), {}, {}, {}),
        dagster_url=f"http://127.0.0.1:{free_port()}",
        tokens=tokens,
    )
    configuration = Configuration(wanted, load=lambda: wanted)
    with dg.DagsterInstance.ephemeral() as instance, serve(page(b"{}")) as dagster:
        front = Front(configuration, StateDirectory(tmp_path / "state"), Runs(instance))
        with running(front) as address:
            known, stranger = Caller(address, "a"), Caller(address)
            assert known.call("GET", "/health").json == {
                "alive": True,
                "configuration": None,
                "dagster": False,
            }
            configuration.problem = f"{tmp_path}/deploy.yaml:3: projects: is wrong"
            configuration.deployment = replace(wanted, dagster_url=dagster)
            mistakes = {
                "a": "The configuration files have mistakes, which `deploy-project check` tells.",
                "b": "deploy.yaml:3: projects: is wrong",
            }
            for name, told in mistakes.items():
                assert Caller(address, name).call("GET", "/health").json == {
                    "alive": True,
                    "configuration": told,
                    "dagster": True,
                }
            assert stranger.call("GET", "/health").json == {"alive": True}
            assert Caller(address, "guess").call("GET", "/health").status == 401
