"""Changes over the API: bodies of jobs and notifications, and the jobs file (DESIGN 18)."""
