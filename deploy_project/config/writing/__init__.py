"""Configuration that programs write: quoted YAML, and jobs as entries of a jobs file; pure."""
