"""One commit made ready to run: checkout, packages, parse, and the deployed pointer."""
