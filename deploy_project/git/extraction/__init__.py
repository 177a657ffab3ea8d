"""The files of a commit, taken out of the mirror: sizes, files, submodules."""
