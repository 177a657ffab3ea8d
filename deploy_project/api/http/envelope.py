"""The envelope around every answer of dbt Cloud's API: a status, and the data."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from deploy_project.api.http.problems import ApiError
from deploy_project.api.http.query import ListQuery


def one(data: Any, *, status: int = 200) -> Response:
    """Return the answer that carries one object."""
    return JSONResponse({"status": _status(status, "Success!"), "data": data}, status)


def many(data: Sequence[Any], *, query: ListQuery, total: int) -> Response:
    """Return the answer that carries a page of `total` objects, and repeats the query."""
    extra = {
        "filters": {"limit": query.limit, "offset": query.offset, **query.shown},
        "order_by": query.order_by,
        "pagination": {"count": len(data), "total_count": total},
    }
    return JSONResponse({"status": _status(200, "Success!"), "data": data, "extra": extra})


def refused(error: ApiError) -> Response:
    """Return the answer that tells of an error."""
    content: dict[str, Any] = {
        "status": _status(error.status, error.user_message),
        "data": error.data,
    }
    if error.status == 400:
        content |= {"extra": {}, "error_code": None}
    return JSONResponse(content, error.status, headers=dict(error.headers))


def _status(code: int, message: str) -> Mapping[str, Any]:
    return {
        "code": code,
        "is_success": code < 400,
        "user_message": message,
        "developer_message": "",
    }
