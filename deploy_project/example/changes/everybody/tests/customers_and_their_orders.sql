-- Whoever has ordered has a first and a last order.
select customer_id, order_count, first_order_on, last_order_on
from {{ ref('customers') }}
where (order_count > 0) <> (last_order_on is not null) or last_order_on < first_order_on
