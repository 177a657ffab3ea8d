"""The only door to Dagster's private names; each module says why it needs them.

`tests/orchestration/test_internals.py` is the contract: it fails when an upgrade changes these.
"""
