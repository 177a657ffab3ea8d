"""dbt Cloud's webhooks: subscriptions to the events of runs, and their delivery (WH-1 to WH-5)."""
