"""The routes that show runs, and the look-up of runs and jobs for other routes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.seen import as_seen, finding, permit_of_run, seen_only, seen_run
from deploy_project.api.http import envelope
from deploy_project.api.http.listing import typed
from deploy_project.api.http.query import list_query, related
from deploy_project.api.objects.run import LISTED, RELATED, Around, run_object
from deploy_project.api.v2.run_steps import shown_steps
from deploy_project.api.v2.wanted_runs import FILTERS, ORDERS, wanted
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.retry.outlook import may_be_retried, why_not


def routes(front: Front) -> list[Route]:
    """Return the routes that show runs."""

    def one(request: Request) -> Response:
        run = seen_run(front, request)
        permit_of_run(request, Action.READ_RUNS, run)
        asked = related(request.query_params.multi_items(), RELATED)
        return envelope.one(shown(front, as_seen(front, request, run), asked))

    def every(request: Request) -> Response:
        permit(request, Action.READ_RUNS)
        parameters = request.query_params.multi_items()
        query = list_query(parameters, filters=FILTERS, orders=ORDERS)
        asked = wanted(query, front.deployment, finding(front, request))
        first = query.order_by.split(",")[0]
        page = front.runs.page(
            seen_only(front, request, asked),
            limit=query.limit,
            offset=query.offset,
            order="finished" if first.endswith("finished_at") else "created",
            ascending=not first.startswith("-"),
        )
        known = front.known
        now, included = datetime.now(UTC), related(parameters, LISTED)
        seen = [as_seen(front, request, each) for each in page.runs]
        found = [_listed(front, each, known, included, now) for each in seen]
        query = replace(query, shown={**_always(known), **typed(query.filters)})
        return envelope.many(found, query=query, total=page.total)

    return [Route("/runs", every), Route("/runs/{run:int}", one)]


def _always(known: Known) -> Mapping[str, Any]:
    return {"state": "all", "account_id": known.account.id}


def _listed(
    front: Front, run: PastRun, known: Known, included: frozenset[str], now: datetime
) -> dict[str, Any]:
    facts = facts_of(front, run) if may_be_retried(run) else None
    refused = why_not(run, facts, known.deployment)
    return run_object(run, Around(known, included, refused), now=now)


def shown(front: Front, run: PastRun, included: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a run as the API shows it, with the related objects that are `included`."""
    known = front.known
    if run.status is Status.ERROR:
        newest = front.runs.newest_of({run.job}).get(run.job, run)
        run = replace(run, is_latest=newest.id == run.id)
    has_steps = "run_steps" in included
    facts = facts_of(front, run) if has_steps or may_be_retried(run) else None
    retries = Wanted(repeats=run.id) if "run_retries" in included else None
    around = Around(
        known,
        included,
        why_not(run, facts, known.deployment),
        steps=shown_steps(front, run, facts, included) if has_steps else (),
        retries=front.runs.page(retries, ascending=True).runs if retries is not None else (),
    )
    return run_object(run, around, now=datetime.now(UTC))


def facts_of(front: Front, run: PastRun) -> RunFacts | None:
    """Return the facts of a run that has ended; None where it has none that can be read."""
    try:
        return front.runs.facts(run.id) if run.status.has_ended else None
    except ArtifactError:
        return None
