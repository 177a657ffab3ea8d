select
    id::integer as customer_id,
    name as customer_name,
    email,
    country_code,
    signed_up_at
from {{ source('web_shop', 'customers') }}
