"""`deploy-project check`, and its checks beyond those of the configuration files."""
