{# The region that reports cover: `DBT_REGION`, or every one of them. #}
{% macro in_region(column) -%}
  {%- set region = env_var("DBT_REGION", "all") -%}
  {%- if region == "all" -%} true {%- else -%} {{ column }} = '{{ region }}' {%- endif -%}
{%- endmacro %}
