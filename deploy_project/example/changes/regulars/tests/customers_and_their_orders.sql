-- Who has not ordered is no customer yet.
select customer_id, order_count, average_amount
from {{ ref('customers') }}
where order_count = 0 or average_amount is null
