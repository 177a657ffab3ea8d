select
    id::integer as order_item_id,
    order_id::integer as order_id,
    product_id::integer as product_id,
    quantity::integer as quantity,
    {{ euros('unit_price_cents') }} as unit_price,
    discount_percent::integer as discount_percent
from {{ source('web_shop', 'order_items') }}
