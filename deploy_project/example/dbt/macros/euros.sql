{% macro euros(cents) %}({{ cents }} / 100)::decimal(12, 2){% endmacro %}
