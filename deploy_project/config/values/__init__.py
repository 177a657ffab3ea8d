"""The values of a configuration that everything else works with."""
