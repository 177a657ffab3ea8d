"""`deploy-project check`, and each of the checks beyond those of the files."""
