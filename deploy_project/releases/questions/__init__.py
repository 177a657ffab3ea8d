"""Questions to a warehouse or a project, asked through a commit's own dbt."""
