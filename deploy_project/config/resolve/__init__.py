"""Files into values: references found, defaults filled in, every problem collected."""
