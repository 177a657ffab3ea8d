select
    id::integer as payment_id,
    order_id::integer as order_id,
    method,
    {{ euros('amount_cents') }} as amount,
    paid_at
from {{ source('bank', 'payments') }}
