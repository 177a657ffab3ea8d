select id, customer, amount from {{ source('raw', 'raw_orders') }}
-- depends_on: {{ ref('raw_orders') }}
