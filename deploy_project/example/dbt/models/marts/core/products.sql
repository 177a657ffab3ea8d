with sold as (
    select
        items.product_id,
        sum(items.quantity)::integer as sold_quantity
    from {{ ref('stg_order_items') }} as items
    inner join {{ ref('orders') }} as orders using (order_id)
    where orders.status <> 'cancelled'
    group by items.product_id
)

select
    products.product_id,
    products.product_name,
    categories.department,
    products.category,
    products.price,
    products.is_available,
    coalesce(sold.sold_quantity, 0)::integer as sold_quantity
from {{ ref('stg_products') }} as products
left join {{ ref('product_categories') }} as categories using (category)
left join sold using (product_id)
