"""The asset catalog: definitions of assets and checks, and events while dbt runs."""
