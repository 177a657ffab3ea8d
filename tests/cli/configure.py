"""Configurations that tests of commands write."""

from collections.abc import Callable
from pathlib import Path

Configure = Callable[[str, str], Path]
"""Writes deploy.yaml and jobs.yml into the working directory, and returns it."""
