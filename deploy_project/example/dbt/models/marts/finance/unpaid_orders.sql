{{ config(materialized='view') }}

select
    orders.order_id,
    customers.customer_name,
    orders.ordered_on,
    (orders.amount - orders.paid_amount)::decimal(12, 2) as open_amount
from {{ ref('orders') }} as orders
inner join {{ ref('customers') }} as customers using (customer_id)
where orders.status in ('shipped', 'completed') and not orders.is_paid
