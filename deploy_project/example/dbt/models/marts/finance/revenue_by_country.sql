select
    customers.country,
    customers.region,
    count(distinct customers.customer_id)::integer as customer_count,
    sum(orders.amount)::decimal(12, 2) as revenue,
    sum(orders.amount * countries.vat_percent / (100 + countries.vat_percent))::decimal(12, 2) as vat
from {{ ref('orders') }} as orders
inner join {{ ref('customers') }} as customers using (customer_id)
inner join {{ ref('countries') }} as countries using (country_code)
where orders.status <> 'cancelled' and {{ in_region('customers.region') }}
group by customers.country, customers.region
