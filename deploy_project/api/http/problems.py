"""The refusals of the API: a status, a message for people, and the place of the fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_FOUND = (
    "The requested resource was not found. Please check that you have the proper permissions. If "
    "you are seeing this in error, please contact support!"
)
"""dbt Cloud's own sentence, as its clients know it."""
INVALID = "The request was invalid. Please double check the provided data and try again."


@dataclass
class ApiError(Exception):
    """A refused request: the HTTP status, dbt Cloud's `user_message`, and the envelope's `data`."""

    status: int
    user_message: str
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def invalid(data: Any) -> ApiError:
    """Return the error for a bad request: `data` is a text, or texts by the keys at fault."""
    return ApiError(400, INVALID, data)


def not_found() -> ApiError:
    """Return the error for a missing object, or one that the token does not see."""
    return ApiError(404, NOT_FOUND)
