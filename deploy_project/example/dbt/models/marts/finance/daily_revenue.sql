{{ config(tags=['hourly']) }}

select
    ordered_on,
    count(*)::integer as order_count,
    sum(amount)::decimal(12, 2) as revenue,
    sum(paid_amount)::decimal(12, 2) as paid_amount
from {{ ref('orders') }}
where status <> 'cancelled'
group by ordered_on
