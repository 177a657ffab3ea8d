select
    customers.customer_id,
    customers.customer_name,
    customers.country_code,
    countries.country,
    countries.region,
    min(orders.ordered_on) as first_order_on,
    max(orders.ordered_on) as last_order_on,
    count(orders.order_id)::integer as order_count,
    coalesce(sum(orders.amount), 0)::decimal(12, 2) as lifetime_amount
from {{ ref('stg_customers') }} as customers
left join {{ ref('countries') }} as countries using (country_code)
left join {{ ref('orders') }} as orders
    on customers.customer_id = orders.customer_id and orders.status <> 'cancelled'
group by all
