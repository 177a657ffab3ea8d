"""Processes of other programs: how they are run, how long they may take, how they are ended."""
