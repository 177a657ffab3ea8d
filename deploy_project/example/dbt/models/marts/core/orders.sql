{{ config(
    materialized='incremental',
    unique_key='order_id',
    on_schema_change='append_new_columns',
    tags=['hourly']
) }}

select
    orders.order_id,
    orders.customer_id,
    orders.status,
    orders.ordered_at::date as ordered_on,
    totals.item_count,
    totals.amount,
    coalesce(payments.paid_amount, 0)::decimal(12, 2) as paid_amount,
    coalesce(payments.paid_amount, 0) >= totals.amount as is_paid,
    greatest(orders.updated_at, coalesce(payments.last_paid_at, orders.updated_at)) as changed_at
from {{ ref('stg_orders') }} as orders
inner join {{ ref('int_order_totals') }} as totals using (order_id)
left join {{ ref('int_order_payments') }} as payments using (order_id)
{% if is_incremental() %}
-- The bank delivers late, so look three days behind what is there.
where changed_at > (select max(changed_at) - interval '3 days' from {{ this }})
    or not exists (select 1 from {{ this }})
{% endif %}
