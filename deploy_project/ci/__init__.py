"""Pull requests: what to run for them, where it goes, what is said of it, what is cleaned up."""
