select
    id::integer as product_id,
    name as product_name,
    category,
    {{ euros('price_cents') }} as price,
    is_available
from {{ source('web_shop', 'products') }}
