"""dbt-mcp's client of the Admin API, as its tools call it."""

import asyncio
import json

from cells import (
    ACCOUNT,
    CANCELLED,
    DAILY,
    ENDLESS,
    ERROR,
    FAILING,
    FLAKY,
    SUCCESS,
    TOKEN,
    URL,
    break_flaky,
    cell,
    nodes,
)
from dbt_mcp.config.config_providers import AdminApiConfig
from dbt_mcp.config.headers import AdminApiHeadersProvider
from dbt_mcp.dbt_admin.client import DbtAdminAPIClient
from dbt_mcp.oauth.token_provider import StaticTokenProvider


class Provider:
    async def get_config(self):
        headers = AdminApiHeadersProvider(token_provider=StaticTokenProvider(token=TOKEN))
        return AdminApiConfig(url=URL, headers_provider=headers, account_id=ACCOUNT)


client = DbtAdminAPIClient(Provider())


async def started(job):
    return (await client.trigger_job_run(ACCOUNT, job, "Triggered by dbt-mcp"))["id"]


async def ended(run):
    while True:
        found = await client.get_job_run_details(ACCOUNT, run, include_logs=True)
        if found["is_complete"]:
            return found
        await asyncio.sleep(0.5)


async def main():
    with cell("trigger"):
        listed = await client.list_jobs(ACCOUNT)
        assert DAILY in [each["id"] for each in listed.result], listed
        run = await started(DAILY)
    with cell("wait"):
        found = await ended(run)
        assert found["status"] == SUCCESS and found["run_steps"], found
        newest = await client.list_jobs_runs(ACCOUNT, limit=5, order_by="-id")
        assert run in [each["id"] for each in newest.result], newest
    with cell("artifact"):
        assert "run_results.json" in await client.list_job_run_artifacts(ACCOUNT, run)
        content = await client.get_job_run_artifact(ACCOUNT, run, "run_results.json")
        content = json.loads(content) if isinstance(content, str) else content
        assert nodes(content)["orders"] == "success", content
    with cell("failure"):
        failed = await ended(await started(FAILING))
        assert failed["status"] == ERROR
        assert "nowhere" in "".join(each["logs"] for each in failed["run_steps"])
    with cell("cancel"):
        run = await started(ENDLESS)
        await client.cancel_job_run(ACCOUNT, run)
        assert (await ended(run))["status"] == CANCELLED
    with cell("retry"):
        break_flaky()
        run = await started(FLAKY)
        assert (await ended(run))["status"] == ERROR
        again = await client.retry_job_run(ACCOUNT, run)
        assert (await ended(again["id"]))["status"] == SUCCESS


asyncio.run(main())
