"""Outputs of the checks that an op evaluates: their names are not public.

Evaluations are reported while dbt runs. An op that yields nothing for a check that was selected is
said not to have yielded its outputs.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg


def evaluated(checks: Iterable[dg.AssetCheckKey]) -> Iterator[dg.Output[Any]]:
    """Yield the output of each of `checks`, without an evaluation."""
    for key in checks:
        spec = dg.AssetCheckSpec(key.name, asset=key.asset_key)
        yield dg.Output(None, output_name=spec.get_python_identifier())
