"""Artifacts on a real object store: S3 over HTTP."""

import tracemalloc
import uuid
from pathlib import Path

import pytest
import requests

from deploy_project.ci.schemas import ledger
from deploy_project.ci.schemas.ledger import Entry
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Environment, Project
from deploy_project.errors import ArtifactError
from deploy_project.releases.given import given
from deploy_project.runs.model import run_facts
from deploy_project.runs.reads.catching_up import catch_up
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store import step_artifacts, transfer
from deploy_project.runs.store.artifacts import Artifacts, Publication
from deploy_project.runs.store.logs import Tail
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.servers.s3 import BUCKET, SECRET, Store, addressed, running
from tests.support.servers.serving import served
from tests.support.waiting import PATIENCE

SHOP = Project(name="shop", id=1, repository="/shop.git")
PROD = Environment(name="prod", id=1, project=SHOP, type="production")
STEP = "04-dbt-build"


def deployment(root: str) -> Deployment:
    return Deployment(
        source=Path("deploy.yaml"),
        account=Account(id=1, name="Shop"),
        projects={"shop": SHOP},
        environments={"prod": PROD},
        jobs={},
        artifacts=root,
    )


@pytest.fixture
def root(store: Store) -> str:
    """A place of the test's own."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture
def artifacts(root: str, tmp_path: Path) -> Artifacts:
    return Artifacts.of(deployment(root), StateDirectory(tmp_path))


def prefix(artifacts: Artifacts) -> str:
    return artifacts.root.path.partition("/")[2]


def step(directory: Path, *, models: int = 0) -> Path:
    """What a step leaves."""
    made = directory / "step"
    (made / "target" / "compiled").mkdir(parents=True)
    for number in range(models):
        (made / "target" / "compiled" / f"m{number}.sql").write_text("select 1", encoding="utf-8")
    for name in ("console.log", "step.json", "target/manifest.json", "target/empty.csv"):
        (made / name).write_text("{}" if name.endswith("json") else "", encoding="utf-8")
    (made / "target" / "partial_parse.msgpack").touch()
    return made


def test_artifacts_of_dbt_are_listed_and_found(artifacts: Artifacts, tmp_path: Path):
    for name in ("04-dbt-build", "05-generate-docs"):
        artifacts.publish_step("r1", name, step(tmp_path / name, models=2))
    assert step_artifacts.listed(artifacts, "r1") == [
        *("compiled/m0.sql", "compiled/m1.sql", "empty.csv", "manifest.json"),
    ]
    assert step_artifacts.listed(artifacts, "r2") == []
    last = step_artifacts.found(artifacts, "r1", "compiled/m0.sql", step=None)
    assert last is not None
    assert last.path.endswith("r1/05-generate-docs/target/compiled/m0.sql")
    assert last.read_text("utf-8") == "select 1"
    earlier = step_artifacts.found(artifacts, "r1", "manifest.json", step=4)
    assert earlier is not None
    assert "/04-dbt-build/" in earlier.path
    for path in ("../step.json", "compiled", "no.json"):
        assert step_artifacts.found(artifacts, "r1", path, step=None) is None
    assert step_artifacts.found(artifacts, "r2", "manifest.json", step=None) is None


def test_a_step_is_kept_whole_and_says_so_last(artifacts: Artifacts, store: Store, tmp_path: Path):
    artifacts.publish_step("run", STEP, step(tmp_path, models=50))
    place = f"{prefix(artifacts)}/runs/run/{STEP}"
    written = [key for key in store.written() if key.startswith(place)]
    assert written[-1] == f"{place}/step.json"
    assert set(written) == set(store.keys(place))
    assert len(written) == 54
    assert not (tmp_path / "step").exists()


def test_what_other_machines_write_is_seen_at_once(artifacts: Artifacts, store: Store):
    """A driver remembers what it has listed: a daemon saw nothing new for as long as it ran."""
    owner = artifacts.environment("prod")
    pointer = f"{prefix(artifacts)}/environments/prod/state.json"
    other = f"{prefix(artifacts)}/environments/prod/other.json"
    store.client.put_object(Bucket=BUCKET, Key=other, Body=b"{}")
    assert [each.name for each in owner.iterdir()] == ["other.json"]
    assert artifacts.published(owner, "state") is None
    for run_id in ("first", "second"):
        body = f'{{"run_id": "{run_id}"}}'.encode()
        store.client.put_object(Bucket=BUCKET, Key=pointer, Body=body)
        found = artifacts.published(owner, "state")
        assert found is not None
        assert found.name == run_id
    assert {each.name for each in owner.iterdir()} == {"other.json", "state.json"}
    store.client.delete_object(Bucket=BUCKET, Key=pointer)
    assert artifacts.published(owner, "state") is None


def test_what_is_published_can_be_fetched_and_is_served(
    artifacts: Artifacts, root: str, tmp_path: Path
):
    source = artifacts.run("run") / "target"
    owner = artifacts.environment("prod")
    for name in ("index.html", "manifest.json"):
        artifacts.write_text(source / name, f"{name} of the run")
    files = [(source / name, name) for name in ("index.html", "manifest.json")]
    artifacts.publish("run", [Publication(owner, what, files) for what in ("state", "docs")])
    published = artifacts.published(owner, "state")
    assert published is not None
    local = artifacts.fetch(published, tmp_path / "state")
    assert (local / "manifest.json").read_text(encoding="utf-8") == "manifest.json of the run"
    with served(deployment(root), StateDirectory(tmp_path)) as url:
        answer = requests.get(f"{url}/docs/prod/manifest.json", timeout=PATIENCE)
        assert answer.text == "manifest.json of the run"
        assert requests.get(f"{url}/docs/prod/catalog.json", timeout=PATIENCE).status_code == 404


def test_large_files_are_never_in_memory_whole(
    artifacts: Artifacts, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transfer, "BLOCK", 5 << 20)
    size = 40 << 20
    with (step(tmp_path) / "dbt.log").open("wb") as log:
        log.truncate(size)
    tracemalloc.start()
    try:
        artifacts.publish_step("run", STEP, tmp_path / "step")
        transfer.receive(artifacts.run("run") / STEP / "dbt.log", tmp_path / "dbt.log")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "dbt.log").stat().st_size == size
    assert peak < size / 2


def test_logs_are_read_from_it(artifacts: Artifacts, tmp_path: Path):
    run_id = str(uuid.uuid4())
    directory = step(tmp_path)
    lines = "".join(f"line {number} {'x' * 1000}\n" for number in range(2500))
    (directory / "console.log").write_text(lines, encoding="utf-8")
    artifacts.publish_step(run_id, STEP, directory)
    tail = Tail(run_id, StateDirectory(tmp_path), artifacts)
    assert "".join(tail.new()) == lines
    assert "".join(tail.new()) == ""


def test_the_ledger_is_kept_in_it(artifacts: Artifacts, store: Store):
    def enter(*schemas: str) -> None:
        names = frozenset(("db", each) for each in schemas)
        ledger.enter(artifacts, Entry("shop", "prod", 17, 4, names))

    assert ledger.entries(artifacts) == []
    enter("dbt_cloud_pr_17_4")
    enter("dbt_cloud_pr_17_4", "dbt_cloud_pr_17_4_marts")
    (entered,) = ledger.entries(artifacts)
    assert len(entered.files) == 1
    assert len(entered.entry.schemas) == 2
    ledger.remove(artifacts, entered)
    assert ledger.entries(artifacts) == []


def test_no_bucket_is_made(store: Store, tmp_path: Path):
    """The driver makes one as a parent directory; a name with a mistake in it is somebody's."""
    elsewhere = Artifacts.of(deployment("s3://artefacts/x"), StateDirectory(tmp_path))
    with pytest.raises(ArtifactError, match="s3://artefacts/x"):
        elsewhere.publish_step("run", STEP, step(tmp_path))
    with pytest.raises(ArtifactError, match="s3://artefacts/x"):
        elsewhere.write_json(elsewhere.run("run") / "run.json", {})
    assert [each["Name"] for each in store.client.list_buckets()["Buckets"]] == [BUCKET]


def test_a_store_that_is_gone_is_named(tmp_path: Path, root: str):
    """Hundreds of files had waited for it one after the other."""
    with running(tmp_path) as gone:
        pass
    artifacts = Artifacts.of(deployment(root), StateDirectory(tmp_path))
    directory = step(tmp_path, models=300)
    with addressed(gone):
        with pytest.raises(ArtifactError) as raised:
            artifacts.publish_step("run", STEP, directory)
        pointer = f"{root}/environments/prod/state.json"
        with pytest.raises(ArtifactError, match=f"reading {pointer} failed"):
            artifacts.published(artifacts.environment("prod"), "state")
    message = str(raised.value)
    assert message.startswith(f"keeping the artifacts of step {STEP!r} at {root}/runs/run/{STEP}")
    assert "Could not connect to the endpoint URL" in message
    assert message.endswith(f"check that this machine reaches {root}, and may read and write there")
    assert SECRET not in message
    assert (directory / "step.json").exists(), "what could not be kept is still here"


def test_its_credentials_are_secrets_of_every_run(store: Store):
    masked = given(PROD, None).scrubber.text(f"key {SECRET} of dbt")
    assert masked == "key ***** of dbt"


def test_facts_are_kept_there_and_all_files_listed(artifacts: Artifacts, tmp_path: Path):
    assert artifacts.sizes("run") == {}
    assert run_facts.kept(artifacts, "run") is None
    artifacts.publish_step("run", STEP, step(tmp_path, models=2))
    assert artifacts.sizes("run") == {
        f"{STEP}/console.log": 0,
        f"{STEP}/step.json": 2,
        f"{STEP}/target/compiled/m0.sql": 8,
        f"{STEP}/target/compiled/m1.sql": 8,
        f"{STEP}/target/empty.csv": 0,
        f"{STEP}/target/manifest.json": 2,
    }
    facts = facts_of("3f2a0c1e-aaaa-4000-8000-000000000000")
    run_facts.keep(artifacts, facts)
    assert run_facts.kept(artifacts, facts.run_id) == facts


def test_the_index_is_made_of_the_facts_there(artifacts: Artifacts, tmp_path: Path):
    with on_sqlite(tmp_path) as instance:
        history = History(instance, tmp_path)
        for number in range(40):
            run_facts.keep(artifacts, facts_of(history.add(), warnings=number % 2))
        assert catch_up(instance, history.index, artifacts, seconds=None) == 40
        found = Runs(instance, "", artifacts, history.index).page(limit=40).runs
    assert sum(each.warnings for each in found) == 20
