from typing import Any

import pytest

from deploy_project.dbt.artifacts.adapter_response import bytes_processed, rows_affected


@pytest.mark.parametrize(
    ("response", "rows", "size"),
    [
        ({"rows_affected": 7, "bytes_processed": 10, "bytes_billed": 20}, 7, 10),
        ({"rows_affected": 7.0, "bytes_processed": "10"}, 7, 10),
        ({"bytes_processed": 0, "bytes_billed": 20}, None, 0),
        ({"bytes_processed": None, "bytes_billed": 20}, None, 20),
        ({"bytes_processed": -1, "bytes_billed": "20"}, None, 20),
        ({"bytes_billed": 20}, None, 20),
        ({"rows_affected": -1}, None, None),
        ({"rows_affected": "many", "bytes_processed": float("nan")}, None, None),
        ({"rows_affected": float("inf"), "bytes_processed": [1]}, None, None),
        ({}, None, None),
    ],
)
def test_the_counts_of_adapters(response: dict[str, Any], rows: int | None, size: int | None):
    """A materialization did not know `bytes_billed`; results did, and no number that is text."""
    assert (rows_affected(response), bytes_processed(response)) == (rows, size)
