"""Packages of a commit: installed once, kept, and borrowed by pull requests."""
