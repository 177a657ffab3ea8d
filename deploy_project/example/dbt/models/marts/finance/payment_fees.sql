select
    date_trunc('month', payments.paid_at)::date as month,
    methods.label as payment_method,
    count(*)::integer as payment_count,
    sum(payments.amount)::decimal(12, 2) as amount,
    sum(payments.amount * methods.fee_percent / 100)::decimal(12, 2) as fees
from {{ ref('stg_payments') }} as payments
inner join {{ ref('payment_methods') }} as methods using (method)
group by all
