"""The routes of version 3 of dbt Cloud's API, as far as its clients of version 2 use them."""
