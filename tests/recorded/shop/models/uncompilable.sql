{{ config(materialized='view') }} {% if execute %}{{ exceptions.raise_compiler_error('no such thing') }}{% endif %} select 1 as one
