{#
  Stands in for the tool that loads raw data (Airbyte, Fivetran, …), so that this project runs
  anywhere. The web shop's data are always twenty minutes old, the bank's are from yesterday.
#}
{% macro load_raw_data() %}
  {% set age_in_minutes = {
    "customers": 20, "products": 20, "orders": 20, "order_items": 20, "payments": 30 * 60
  } %}
  create schema if not exists raw;
  {% for table, minutes in age_in_minutes.items() %}
  create or replace table raw.{{ table }} as
  select *, now() - interval '{{ minutes }} minutes' as _loaded_at
  from read_csv('raw/{{ table }}.csv', header = true);
  {% endfor %}
{% endmacro %}
