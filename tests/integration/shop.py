"""A dbt project with one of everything that a run reports."""

PROJECT = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
    """,
    "profiles.yml": """
        shop:
          target: prod
          outputs:
            prod:
              type: duckdb
              path: "{{ env_var('DEPLOY_STATE') }}/warehouse.duckdb"
              schema: main
              threads: 2
    """,
    "seeds/countries.csv": "code,name\nDE,Germany\nFR,France\n",
    "models/orders.sql": """
        {{ config(materialized='table') }}
        select id, amount from {{ source('raw', 'payments') }}
    """,
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('orders') }}",
    "models/variables.sql": """
        {{ config(materialized='table') }}
        {% for name in [
            'DBT_V0', 'DBT_V1', 'DBT_V2', 'DBT_V3', 'DBT_ENV', 'DBT_CLOUD_ENVIRONMENT_NAME',
            'DBT_CLOUD_ENVIRONMENT_TYPE', 'DBT_CLOUD_INVOCATION_CONTEXT', 'DBT_CLOUD_PROJECT_ID',
            'DBT_CLOUD_JOB_ID', 'DBT_CLOUD_RUN_ID', 'DBT_CLOUD_ENVIRONMENT_ID',
            'DBT_CLOUD_ACCOUNT_ID', 'DBT_CLOUD_RUN_REASON_CATEGORY', 'DBT_CLOUD_RUN_REASON',
            'DBT_CLOUD_PR_ID', 'DBT_CLOUD_GIT_SHA',
        ] %}
        select '{{ name }}' as name, '{{ env_var(name, 'default') }}' as value union all
        {% endfor %}
        select 'target.name', '{{ target.name }}'
    """,
    "models/schema.yml": """
        sources:
          - name: raw
            tables:
              - name: payments
                config:
                  loaded_at_field: loaded_at
                  freshness:
                    warn_after: {count: 1, period: day}
                    error_after: {count: 2, period: day}
        models:
          - name: orders
            description: Every order.
            columns:
              - name: id
                data_tests: [not_null]
              - name: amount
                data_tests:
                  - accepted_values:
                      arguments: {values: [10], quote: false}
                      config: {severity: warn}
        unit_tests:
          - name: revenue_adds_up
            model: revenue
            given:
              - input: ref('orders')
                rows: [{id: 1, amount: 2}, {id: 2, amount: 3}]
            expect:
              rows: [{revenue: 5}]
    """,
    "tests/orders_are_positive.sql": "select * from {{ ref('orders') }} where amount <= 0",
}

RAW = """
    create schema raw;
    create table raw.payments as
        select 1 as id, 10 as amount, now()::timestamp - interval '{age}' as loaded_at
        union all select 2, 20, now()::timestamp - interval '{age}';
"""
