"""Pull requests that mean harm."""
