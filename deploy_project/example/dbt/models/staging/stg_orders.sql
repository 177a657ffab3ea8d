select
    id::integer as order_id,
    customer_id::integer as customer_id,
    status,
    ordered_at,
    updated_at
from {{ source('web_shop', 'orders') }}
