"""The files of a configuration: their keys, their lines, and their problems."""
