"""The requests of Kestra's plugin-dbt: TriggerRun, then CheckStatus until the end."""

from urllib.error import HTTPError
from urllib.parse import quote

from cells import DAILY, ERROR, FAILING, SUCCESS, TOKEN, URL, cell, nodes, report
from replaying import MOMENT, Replay

# Its list of related objects is no JSON, and a number that overrides another is a text.
RELATED = "runs/{}/?include_related=" + quote(
    '["trigger","job",,"run_steps", "environment"]', safe=""
)
MOMENTS = (
    *("created_at", "updated_at", "dequeued_at", "started_at", "finished_at"),
    *("last_checked_at", "last_heartbeat_at", "should_start_at"),
)
kestra = Replay(URL, Authorization=f"Bearer {TOKEN}", Content_Type="application/json")


def triggered(job, **fields):
    return kestra.send("POST", f"jobs/{job}/run/", {"cause": "Triggered by Kestra.", **fields})


with cell("trigger") as remark:
    run = triggered(DAILY, threads_override="2", generate_docs_override=False)["data"]["id"]
    remark("with `threads_override` as text, as it sends it")
with cell("wait"):
    ended = kestra.ended(run, RELATED)
    assert ended["status"] == SUCCESS and ended["status_humanized"] == "Success"
    assert ended["trigger"]["cause"] == "Triggered by Kestra.", ended["trigger"]
    assert ended["job"]["id"] == DAILY and ended["environment"]["id"], ended
    assert [each["logs"] for each in ended["run_steps"]], ended["run_steps"]
    for name in MOMENTS:  # it parses no other form
        assert ended[name] is None or MOMENT.fullmatch(ended[name]), (name, ended[name])
with cell("artifact"):
    assert nodes(kestra.send("GET", f"runs/{run}/artifacts/run_results.json"))
    assert kestra.send("GET", f"runs/{run}/artifacts/manifest.json")["nodes"]
    try:
        kestra.send("GET", f"runs/{run}/artifacts/nothing.json")
    except HTTPError as error:  # which it takes for an artifact that a run has not made
        assert error.code == 404, error.code
    else:
        raise AssertionError("there is no such artifact")
with cell("failure"):
    failed = kestra.ended(triggered(FAILING)["data"]["id"], RELATED)
    assert failed["status"] == ERROR and failed["status_message"], failed
for name in ("cancel", "retry"):
    report(name, ok=None, said="TriggerRun.java:57, CheckStatus.java:71: its only two tasks")
