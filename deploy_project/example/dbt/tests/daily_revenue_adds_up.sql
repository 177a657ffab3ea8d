-- Every order that was not cancelled is in the revenue of exactly one day.
with days as (select sum(revenue) as revenue from {{ ref('daily_revenue') }}),

orders as (select sum(amount) as revenue from {{ ref('orders') }} where status <> 'cancelled')

select days.revenue as by_day, orders.revenue as by_order
from days, orders
where days.revenue is distinct from orders.revenue
