"""HTTP as dbt Cloud's API speaks it: envelopes, problems, queries and bodies."""
