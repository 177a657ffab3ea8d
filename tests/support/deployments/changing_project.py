"""A dbt project with some of everything, and changes from one commit to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PROJECT: Mapping[str, str] = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        model-paths: [models]
        snapshot-paths: [snapshots]
        function-paths: [functions]
        vars: {country: nl}
        models:
          shop:
            +materialized: view
            marts: {+tags: [marts]}
        on-run-start: ["{{ announce('start') }}"]
        on-run-end: ["select 1"]
        flags: {send_anonymous_usage_stats: false}
    """,
    "profiles.yml": """
        shop:
          target: prod
          outputs:
            prod: {type: duckdb, path: "shop.duckdb", schema: main, threads: 2}
    """,
    "packages.yml": "packages: [{local: util}]",
    "selectors.yml": """
        selectors:
          - {name: nightly, definition: {method: tag, value: marts}}
    """,
    "util/dbt_project.yml": "name: util",
    "util/macros/word.sql": "{% macro word() %}'v1'{% endmacro %}",
    "util/models/helper.sql": "select {{ util.word() }} as word",
    "util/models/helper.yml": "models: [{name: helper, description: From the package}]",
    "util/models/words.md": "{% docs words %}Words.{% enddocs %}",
    "models/staging/customers.sql": "select 1 as id, '{{ var(\"country\") }}' as country",
    "models/staging/orders.sql": "select * from {{ source('raw', 'orders') }}",
    "models/staging/payments.sql": """
        {{ config(materialized='table', alias=paid_alias()) }}
        select {{ cents('amount') }} as amount from {{ ref('amounts') }}
    """,
    "models/staging/visits.sql": 'select \'{{ env_var("PARSE_REGION", "eu") }}\' as region',
    "models/staging/_staging.yml": """
        models:
          - name: customers
            description: "{{ doc('customers') }}"
            config: {group: sales, access: public}
            columns:
              - name: id
                description: The key
                data_tests: [not_null, unique]
          - name: orders
            columns:
              - name: id
                data_tests:
                  - positive: {arguments: {least: 1}}
          - name: payments
            config:
              meta: {owner: finance, region: "{{ env_var('PARSE_REGION', 'eu') }}"}
    """,
    "models/staging/_sources.yml": """
        sources:
          - name: raw
            schema: raw
            tables:
              - name: orders
                columns: [{name: id, data_tests: [not_null]}]
              - {name: refunds}
    """,
    "models/marts/revenue.sql": """
        select sum(amount) as revenue from {{ ref('payments') }} join {{ ref('orders') }} on true
    """,
    "models/marts/regions.sql": "select * from {{ ref('visits') }} -- {{ util.word() }}",
    "models/marts/scores.py": """
        def model(dbt, session):
            dbt.config(materialized="table")
            return dbt.ref("customers")
    """,
    "models/marts/daily.sql": "select cast('2026-01-01' as date) as held_on, 1 as amount",
    "models/marts/dim_v1.sql": "select 1 as id",
    "models/marts/dim_v2.sql": "select 2 as id",
    "models/marts/reads_dim.sql": "select * from {{ ref('dim', v=1) }}",
    "models/marts/reads_latest.sql": "select * from {{ ref('dim') }}",
    "models/marts/reads_helper.sql": "select * from {{ ref('helper') }}",
    "models/marts/_helper.yml": """
        models:
          - {name: late, description: Not there yet}
          - {name: reads_helper, description: "{{ doc('words') }}"}
    """,
    "models/marts/off.sql": "{{ config(enabled=false) }} select 1 as n",
    "models/marts/_marts.yml": """
        models:
          - name: revenue
            description: All of it
            data_tests: [{at_most_one_row: {name: one_row}}]
          - name: dim
            latest_version: 2
            versions: [{v: 1}, {v: 2}]
          - name: daily
            time_spine: {standard_granularity_column: held_on}
            columns: [{name: held_on, granularity: day}]
        exposures:
          - name: dashboard
            type: dashboard
            owner: {email: a@example.com}
            depends_on: [ref('revenue'), metric('total')]
        unit_tests:
          - name: adds_up
            model: revenue
            given:
              - {input: ref('payments'), rows: [{amount: 1}]}
              - {input: ref('orders'), rows: [{id: 1}]}
            expect: {rows: [{revenue: 1}]}
          - name: copies
            model: regions
            given: [{input: ref('visits'), format: csv, fixture: visits_rows}]
            expect: {rows: [{region: eu}]}
    """,
    "models/marts/_metrics.yml": """
        semantic_models:
          - name: days
            model: ref('daily')
            defaults: {agg_time_dimension: held_on}
            entities: [{name: id, type: primary, expr: amount}]
            dimensions: [{name: held_on, type: time, type_params: {time_granularity: day}}]
            measures: [{name: amount, agg: sum}]
        metrics:
          - {name: total, label: Total, type: simple, type_params: {measure: amount}}
        saved_queries:
          - name: by_day
            query_params: {metrics: [total]}
    """,
    "models/_groups.yml": """
        groups:
          - {name: sales, owner: {name: Sales}}
          - {name: finance, owner: {name: Finance}}
    """,
    "models/docs.md": """
        {% docs customers %}
        All customers.
        {% enddocs %}
        {% docs spare %}
        Not used.
        {% enddocs %}
    """,
    "seeds/amounts.csv": "amount\n1\n",
    "seeds/other.csv": "n\n1\n",
    "seeds/_seeds.yml": """
        seeds:
          - {name: amounts, config: {column_types: {amount: bigint}}}
    """,
    "snapshots/customers_history.sql": """
        {% snapshot customers_history %}
        {{ config(unique_key='id', strategy='check', check_cols='all') }}
        select * from {{ ref('customers') }}
        {% endsnapshot %}
    """,
    "snapshots/_snapshots.yml": """
        snapshots:
          - name: orders_history
            relation: ref('orders')
            config: {unique_key: id, strategy: check, check_cols: all}
    """,
    "macros/cents.sql": "{% macro cents(column) %}{{ rounded(column) }} * 100{% endmacro %}",
    "macros/rounded.sql": "{% macro rounded(column) %}round({{ column }}){% endmacro %}",
    "macros/announce.sql": "{% macro announce(word) %}select '{{ word }}'{% endmacro %}",
    "macros/paid_alias.sql": "{% macro paid_alias() %}{{ return('paid') }}{% endmacro %}",
    "macros/unused.sql": "{% macro unused() %}1{% endmacro %}",
    "macros/generate_schema_name.sql": """
        {% macro generate_schema_name(custom_schema_name, node) -%}
        {{ layer(node) }}
        {%- endmacro %}
    """,
    "macros/layer.sql": "{% macro layer(node) -%} {{ node.fqn[1] }} {%- endmacro %}",
    "macros/_macros.yml": "macros: [{name: cents, description: Euros to cents}]",
    "tests/no_negative.sql": "select * from {{ ref('payments') }} where amount < 0",
    "tests/generic/positive.sql": """
        {% test positive(model, column_name, least=0) %}
        select * from {{ model }} where {{ column_name }} < {{ least }}
        {% endtest %}
    """,
    "tests/generic/at_most_one_row.sql": """
        {% test at_most_one_row(model) %}
        {{ config(severity='warn') }}
        select count(*) from {{ model }} having count(*) > 1
        {% endtest %}
    """,
    "tests/fixtures/visits_rows.csv": "region\neu\n",
    "analyses/look.sql": "select * from {{ ref('revenue') }}",
}


@dataclass(frozen=True)
class Change:
    """The difference between two commits: files by path (None deletes one), and variables."""

    files: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def changed(path: str, old: str, new: str) -> Change:
    """Return the change of one piece of a file's text."""
    assert old in PROJECT[path], (path, old)
    return Change({path: PROJECT[path].replace(old, new)})


def moved(old: str, new: str) -> Change:
    """Return the change that moves a file."""
    return Change({old: None, new: PROJECT[old]})


def both(*changes: Change) -> Change:
    """Return several changes as one."""
    return Change({path: text for each in changes for path, text in each.files.items()})


STAGING, MARTS = "models/staging/_staging.yml", "models/marts/_marts.yml"
SOURCES, METRICS = "models/staging/_sources.yml", "models/marts/_metrics.yml"

CHANGES: Mapping[str, Change] = {
    "nothing": Change(),
    "model edited": Change({"models/staging/customers.sql": "select 2 as id"}),
    "model added": Change({"models/marts/fresh.sql": "select * from {{ ref('revenue') }}"}),
    "model deleted": Change({"models/marts/reads_dim.sql": None}),
    "model renamed": moved("models/marts/reads_dim.sql", "models/marts/reads.sql"),
    "model renamed, its properties not": both(
        moved("models/staging/customers.sql", "models/staging/clients.sql"),
        Change({"models/marts/scores.py": None, "snapshots/customers_history.sql": None}),
    ),
    "model moved": moved("models/staging/visits.sql", "models/marts/visits.sql"),
    "ref changed": changed("models/marts/regions.sql", "ref('visits')", "ref('customers')"),
    "configuration in a model": changed(
        "models/staging/payments.sql", "materialized='table'", "materialized='view', tags=['x']"
    ),
    "model disabled in its file": Change(
        {"models/marts/reads_dim.sql": "{{ config(enabled=false) }} select 1 as n"}
    ),
    "model enabled in its file": Change({"models/marts/off.sql": "select 1 as n"}),
    "python model": changed("models/marts/scores.py", '"customers"', '"orders"'),
    "model becomes python": both(
        Change({"models/marts/regions.sql": None}),
        Change(
            {
                "models/marts/regions.py": """
                    def model(dbt, session):
                        return dbt.ref("visits")
                """,
                MARTS: PROJECT[MARTS].split("unit_tests")[0],
            }
        ),
    ),
    "latest version": changed(MARTS, "latest_version: 2", "latest_version: 1"),
    "macro edited": changed("macros/cents.sql", "* 100", "* 1000"),
    "macro added": Change({"macros/more.sql": "{% macro more() %}1{% endmacro %}"}),
    "macro added over one of dbt's": Change(
        {"macros/mine.sql": "{% macro default__test_unique(model, column_name) %}1{% endmacro %}"}
    ),
    "macro deleted": Change({"macros/unused.sql": None}),
    "macro deleted with its call": both(
        Change({"macros/paid_alias.sql": None}),
        changed("models/staging/payments.sql", ", alias=paid_alias()", ""),
    ),
    "macro's description": changed("macros/_macros.yml", "Euros to cents", "To cents"),
    "macro of a hook edited": changed("macros/announce.sql", "select", "select 'x',"),
    "generate_schema_name edited": changed(
        "macros/generate_schema_name.sql", "{{ layer(node) }}", "x_{{ layer(node) }}"
    ),
    "generate_schema_name deleted": Change({"macros/generate_schema_name.sql": None}),
    "generate_alias_name added": Change(
        {
            "macros/alias.sql": "{% macro generate_alias_name(custom_alias_name=none, node=none) %}"
            "a_{{ node.name }}{{ node.version or '' }}{% endmacro %}"
        }
    ),
    "test added": changed(STAGING, "[not_null, unique]", "[not_null, unique, positive]"),
    "test removed": changed(STAGING, "[not_null, unique]", "[unique]"),
    "enabled false": both(
        changed(MARTS, "description: All of it", "config: {enabled: false}"),
        Change({"analyses/look.sql": None}),
    ),
    "tags": changed(MARTS, "description: All of it", "config: {tags: [money]}"),
    "meta": changed(STAGING, "owner: finance", "owner: sales"),
    "properties deleted": Change({STAGING: None}),
    "source added": changed(
        SOURCES, "- {name: refunds}", "- {name: refunds}\n              - {name: more}"
    ),
    "source changed": changed(SOURCES, "schema: raw", "schema: landing"),
    "source removed": changed(SOURCES, "- {name: refunds}", ""),
    "seed's rows": Change({"seeds/amounts.csv": "amount\n1\n2\n"}),
    "seed deleted": Change({"seeds/other.csv": None}),
    "seed renamed": moved("seeds/other.csv", "seeds/another.csv"),
    "snapshot edited": changed("snapshots/customers_history.sql", "select *", "select id"),
    "snapshot deleted": Change({"snapshots/customers_history.sql": None}),
    "hook": changed("dbt_project.yml", "select 1", "select 2"),
    "vars": changed("dbt_project.yml", "country: nl", "country: be"),
    "package added": Change(
        {
            "packages.yml": "packages: [{local: util}, {local: extra}]",
            "extra/dbt_project.yml": "name: extra",
            "extra/models/extra_model.sql": "select 1 as n",
        }
    ),
    "package removed": Change(
        {
            "packages.yml": None,
            "models/marts/regions.sql": "select * from {{ ref('visits') }}",
        }
    ),
    "package's model": changed("util/models/helper.sql", "as word", "as other"),
    "exposure": changed(MARTS, "a@example.com", "b@example.com"),
    "exposure removed": Change({MARTS: PROJECT[MARTS].split("        exposures")[0]}),
    "doc block": changed("models/docs.md", "All customers", "Each customer"),
    "analysis": changed("analyses/look.sql", "ref('revenue')", "ref('orders')"),
    "singular test": changed("tests/no_negative.sql", "< 0", "<= 0"),
    "generic test edited": changed("tests/generic/positive.sql", "least=0", "least=1"),
    "generic test overrides dbt's": Change(
        {
            "tests/generic/unique.sql": "{% test unique(model, column_name) %}"
            "{{ config(severity='warn') }} select 1 where false{% endtest %}"
        }
    ),
    "unit test": changed(MARTS, "rows: [{revenue: 1}]", "rows: [{revenue: 2}]"),
    "unit test's fixture": Change({"tests/fixtures/visits_rows.csv": "region\nus\n"}),
    "access": changed(STAGING, "access: public", "access: protected"),
    "metric": changed(METRICS, "label: Total", "label: Sum"),
    "selector": changed("selectors.yml", "nightly", "weekly"),
    "variable of the environment": Change(variables={"PARSE_REGION": "us"}),
    "ignored files": Change({".dbtignore": "models/marts/reads_dim.sql\n"}),
    "function added": Change(
        {
            "functions/double.sql": "x * 2",
            "functions/_functions.yml": """
                functions:
                  - name: double
                    arguments: [{name: x, data_type: int}]
                    returns: {data_type: int}
            """,
        }
    ),
    "properties there before the model": Change({"models/marts/late.sql": "select 1 as n"}),
    "model over a package's": Change({"models/marts/helper.sql": "select 3 as word"}),
    "doc block over a package's": Change({"models/word.md": "{% docs words %}Mine.{% enddocs %}"}),
    "models swapped": Change(
        {
            "models/marts/reads_dim.sql": PROJECT["models/staging/visits.sql"],
            "models/staging/visits.sql": "select 'eu' as region -- {{ ref('dim', v=1) }}",
        }
    ),
    "exposure added": Change(
        {
            "models/marts/more.yml": """
                exposures:
                  - name: second
                    type: dashboard
                    owner: {email: a@example.com}
                    depends_on: [ref('orders')]
            """
        }
    ),
    "alias and schema in properties": changed(
        MARTS, "description: All of it", "config: {alias: rev, schema: x}"
    ),
    "several": both(
        changed(STAGING, "least: 1", "least: 3"),
        changed("snapshots/_snapshots.yml", "check_cols: all", "check_cols: [id]"),
        moved("seeds/other.csv", "seeds/third.csv"),
        Change(
            {
                "models/staging/orders.sql": "select 1 as id -- {{ source('raw', 'orders') }}",
                "models/marts/fresh.sql": "select * from {{ ref('orders') }}",
            }
        ),
    ),
}

WRONG = frozenset(
    {
        "enabled false",
        "macro added over one of dbt's",
        "generic test overrides dbt's",
        "selector",
        "properties there before the model",
        "model over a package's",
        "doc block over a package's",
    }
)
"""The changes that dbt's partial parser, as of dbt 1.11, gets wrong."""
