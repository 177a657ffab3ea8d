select cast(customer as integer) as n from {{ ref('stg_customers') }}
