"""Places in this repository."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "recorded"
"""Artifacts of each dbt that is supported, as `record.py` there makes them."""
