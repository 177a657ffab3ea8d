select
    order_id,
    sum(quantity)::integer as item_count,
    sum(round(quantity * unit_price * (100 - discount_percent) * 0.01, 2))::decimal(12, 2) as amount
from {{ ref('stg_order_items') }}
group by order_id
