"""The step from files to values: references found, defaults filled in, problems collected."""
