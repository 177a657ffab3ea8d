select c.customer, sum(o.amount) as total from {{ ref('stg_customers') }} c join {{ ref('paid_orders') }} o using (customer) group by 1
