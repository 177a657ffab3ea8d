"""The arguments of dbt's commands: subcommands, selections and flags; pure."""
