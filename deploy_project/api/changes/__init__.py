"""Changes of jobs over the API: a body as an entry of a jobs file, and that file (DESIGN 18)."""
