"""The one door to what Dagster has no public name for; each module says why it is needed.

`tests/orchestration/test_internals.py` is the contract: it fails when an upgrade changes these.
"""
