select c.customer_id, c.name, o.amount
from {{ ref('stg_customers') }} as c join {{ ref('orders') }} as o using (customer_id)
