"""Files of a project, and of pull requests that change it."""

from tests.support.deployments.site import PROJECT

MODELS = {
    **PROJECT,
    "models/orders.sql": "{{ config(materialized='table') }} select 1 as id, 10 as amount",
    "models/report.sql": "{{ config(schema='mart') }} select * from {{ ref('revenue') }}",
}
CHANGED = "select 2 * sum(amount) as revenue from {{ ref('orders') }}"
ASTRAY = """
    {% macro generate_schema_name(custom_schema_name, node) -%}
        {{ custom_schema_name or target.schema }}
    {%- endmacro %}
"""
