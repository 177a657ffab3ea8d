"""Hostile nodes: one pull request builds them all, and each is looked at by itself."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from deploy_project.dbt.processes import sandbox
from tests.support.hostile.deployment import MARK, Deployment, deployed
from tests.support.hostile.nodes import LEFT_ALONE, NODES, Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it"),
]
NUMBER = 1
HARMLESS = {"home_directory", "secret_directory", "extension_directory", "temporary_directory"}


@dataclass(frozen=True)
class Build:
    """A pull request with all nodes, built."""

    deployment: Deployment
    results: Mapping[str, Mapping[str, Any]]

    def of(self, node: Node) -> tuple[str, str]:
        """What became of a node: dbt's word, and its message or rows."""
        found = self.results[node.name]
        if found["status"] != "success" or node.name == "external":
            return found["status"], str(found["message"])
        return "success", self.deployment.rows(NUMBER, node.name)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Generator[Build]:
    with deployed(tmp_path_factory.mktemp("hostile")) as made:
        before = made.snapshot()
        head = made.push(NUMBER, {each.file: each.text for each in NODES})
        run = made.run(NUMBER, head)
        assert not run.success
        made.assert_ended_well(run)
        made.assert_unharmed(before, head)
        made.assert_discreet()
        yield Build(made, made.results(run))


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_a_hostile_node_comes_to_nothing(build: Build, node: Node):
    status, said = build.of(node)
    assert MARK not in said
    if node.name not in LEFT_ALONE and node.name not in HARMLESS:
        assert status == "error", said


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Generator[Build]:
    """The same with `sandbox: off`, where only what succeeds there is of interest."""
    with deployed(tmp_path_factory.mktemp("off"), sandbox='"off"') as made:
        chosen = [each for each in NODES if each.works]
        run = made.pull_request(NUMBER, {each.file: each.text for each in chosen})
        first = made.site.console(run.run_id, "01-clone-git-repository")
        assert "THE SANDBOX IS OFF" in first
        yield Build(made, made.results(run))


@pytest.mark.parametrize("node", [each for each in NODES if each.works], ids=lambda node: node.name)
def test_the_attack_is_real_without_a_sandbox(without: Build, node: Node):
    """Else it would show nothing."""
    status, said = without.of(node)
    assert status == "success", said
    assert not node.reads or MARK in said
