select 1 from {{ ref('orders') }} as o join {{ ref('orders_daily') }} as d on false
