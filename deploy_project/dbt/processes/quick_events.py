"""dbt's events, made by protobuf's own constructor; loaded by the program that runs dbt, as a file.

dbt makes each of its many events by way of `ParseDict`, which converts JSON in Python, field by
field: an eighth of the time of a build of small views. The constructor of a message, which is C,
takes the same fields. Whatever it refuses goes the old way, errors and all.
"""

import contextlib
import importlib
import math
from datetime import datetime, timezone
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  # an older Python's dbt has no UTC
_MAKER = "ParseDict"


def install() -> None:
    """Have dbt's events made so in this process; nothing where dbt has them made otherwise."""
    base_types: Any = importlib.import_module("dbt_common.events.base_types")
    json_format: Any = importlib.import_module("google.protobuf.json_format")
    if getattr(base_types, _MAKER, None) is json_format.ParseDict:
        setattr(base_types, _MAKER, made)


def made(fields: dict[str, Any], message: Any) -> Any:
    """Return a message as `ParseDict` makes it of `fields`; `message` is an empty one."""
    if _is_plain(fields):
        with contextlib.suppress(Exception):  # what it refuses is told in the words of the old way
            return type(message)(**_timed(fields))
    from google.protobuf.json_format import ParseDict

    return ParseDict(fields, message)


def _is_plain(value: Any) -> bool:
    """Return whether both ways take a value alike: some lists and dictionaries they don't.

    The constructor takes tuples, sets and numbers without end as well, and what stands under the
    key `fields` for the inside of a message.
    """
    if value is None or isinstance(value, (str, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    within: Any = value
    if isinstance(value, dict):
        return "fields" not in within and all(map(_is_plain, within.values()))
    return isinstance(value, list) and all(map(_is_plain, within))


def _timed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with the moment of the event as protobuf has it; raise `ValueError`.

    dbt hands in text, which protobuf reads in Python, too.
    """
    info: Any = fields.get("info")
    if info is None:
        return fields
    from google.protobuf.timestamp_pb2 import Timestamp

    since = datetime.fromisoformat(info["ts"]) - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    moment = Timestamp(seconds=seconds, nanos=since.microseconds * 1000)
    return {**fields, "info": {**info, "ts": moment}}
