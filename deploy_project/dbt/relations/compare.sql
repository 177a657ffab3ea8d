{#- Compares relations inside the warehouse, and reads only; `given()` names them. Standard SQL and
    dbt's own macros, so that each adapter speaks its own dialect. -#}

{% macro compare_relations() %}
  {%- for key, item in given().each -%}
    {%- do tell({'of': key, 'begun': true}) -%}
    {%- do compare_pair(key, item) -%}
    {%- do tell({'of': key, 'done': true}) -%}
  {%- endfor -%}
{% endmacro %}

{% macro compare_pair(key, item) %}
  {%- set before = compare_found(item.before) -%}
  {%- set after = compare_found(item.after) -%}
  {%- do tell({'of': key, 'exists': [before is not none, after is not none]}) -%}
  {%- if before is none or after is none -%}
    {%- do return(none) -%}
  {%- endif -%}
  {%- set columns = compare_columns(key, before, after) -%}
  {%- set rows = [compare_count(before), compare_count(after)] -%}
  {%- do tell({'of': key, 'rows': rows}) -%}
  {%- set event = compare_event(key, item.event_time, columns) if item.event_time else none -%}
  {%- set sides = {'before': before, 'after': after, 'event': event, 'rows': rows} -%}
  {%- if event is not none -%}
    {%- do compare_range(key, sides) -%}
  {%- endif -%}
  {%- set names = compare_key(key, item.key, columns) -%}
  {%- if names -%}
    {%- do compare_by_key(key, item, sides, columns, names) -%}
  {%- elif columns.common -%}
    {%- do compare_whole_rows(key, item, sides, columns) -%}
  {%- endif -%}
{% endmacro %}

{% macro compare_found(place) %}
  {%- do return(adapter.get_relation(
    database=place[0] or none, schema=place[1], identifier=place[2]
  )) -%}
{% endmacro %}

{#- Columns -#}

{% macro compare_columns(key, before, after) %}
  {%- set found = {'before': {}, 'after': {}, 'common': [], 'as_text': {}} -%}
  {%- set left_out = [] -%}
  {%- for side, relation in [('before', before), ('after', after)] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {#- dbt makes up a length for text that has none. -#}
      {%- set is_bare = column.is_string() and not column.char_size -%}
      {%- do found[side].update({column.name: column.dtype if is_bare else column.data_type}) -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- do tell({
    'of': key, 'before': found.before.items() | list, 'after': found.after.items() | list
  }) -%}
  {%- for name, type in found.after.items() if name in found.before -%}
    {%- set types = [compare_kind(found.before[name]), compare_kind(type)] -%}
    {%- if 'nested' in types or not compare_is_quotable(name) -%}
      {%- do left_out.append(name) -%}
    {%- else -%}
      {%- do found.common.append(name) -%}
      {%- if types[0] != types[1] or types[0] == 'document' -%}
        {%- do found.as_text.update({name: true}) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {%- do tell({'of': key, 'not_compared': left_out}) -%}
  {%- do return(found) -%}
{% endmacro %}

{#- What may be compared by `=` with what: values of one kind. -#}
{% macro compare_kind(type) %}
  {%- set base = type.lower().split('(')[0].split('<')[0].strip() -%}
  {%- if base == 'record' or ('<' in type and base in ('array', 'struct', 'map')) -%}
    {%- do return('nested') -%}
  {%- elif base in ('json', 'xml', 'variant', 'object', 'super', 'geometry', 'geography', 'point',
                    'line', 'lseg', 'box', 'path', 'polygon', 'circle') -%}
    {%- do return('document') -%}
  {%- elif base in ('text', 'string', 'char', 'character', 'varchar', 'character varying', 'bpchar',
                    'nvarchar', 'nchar') -%}
    {%- do return('text') -%}
  {%- elif modules.re.match('^(u?(tiny|small|medium|big|huge|byte)?int(eger)?[0-9]*|numeric|number|'
                            ~ '(big)?decimal|bignumeric|float[0-9]*|real|double( precision)?)$',
                            base) -%}
    {%- do return('number') -%}
  {%- endif -%}
  {%- do return(type.lower()) -%}
{% endmacro %}

{#- Adapters put names in quotes without escaping them. -#}
{% macro compare_is_quotable(name) %}
  {%- set quoted = adapter.quote(name) -%}
  {%- if quoted == name -%}
    {%- do return(modules.re.match('^[A-Za-z_][A-Za-z0-9_]*$', name) is not none) -%}
  {%- endif -%}
  {%- do return(quoted[0] not in name and quoted[-1] not in name and '\\' not in name) -%}
{% endmacro %}

{#- Names come from YAML, where people write them as they like. -#}
{% macro compare_named(name, columns) %}
  {%- if name in columns.common -%}
    {%- do return(name) -%}
  {%- endif -%}
  {%- for each in columns.common if each.lower() == name.lower() -%}
    {%- do return(each) -%}
  {%- endfor -%}
  {%- do return(none) -%}
{% endmacro %}

{% macro compare_key(key, wanted, columns) %}
  {%- set names = [] -%}
  {%- for name in wanted -%}
    {%- set found = compare_named(name, columns) -%}
    {%- if found is none -%}
      {%- do tell({'of': key, 'not_in_both': name}) -%}
      {%- do return([]) -%}
    {%- endif -%}
    {%- do names.append(found) -%}
  {%- endfor -%}
  {%- do tell({'of': key, 'key': names}) -%}
  {%- do return(names) -%}
{% endmacro %}

{% macro compare_value(name, columns) %}
  {%- if name in columns.as_text -%}
    {%- do return('cast(' ~ adapter.quote(name) ~ ' as ' ~ api.Column.translate_type('string') ~ ')') -%}
  {%- endif -%}
  {%- do return(adapter.quote(name)) -%}
{% endmacro %}

{#- Rows: those of the time that both sides have, where the model says which column that is. -#}

{% macro compare_event(key, wanted, columns) %}
  {%- set name = compare_named(wanted, columns) -%}
  {%- if name is none or name in columns.as_text -%}
    {%- do tell({'of': key, 'no_range': wanted}) -%}
    {%- do return(none) -%}
  {%- endif -%}
  {%- do return(name) -%}
{% endmacro %}

{% macro compare_range(key, sides) %}
  {%- set e = adapter.quote(sides.event) -%}
  {%- set found = run_query(
    'select max(low) as low, min(high) as high from ('
    ~ 'select min(' ~ e ~ ') as low, max(' ~ e ~ ') as high from ' ~ sides.before
    ~ ' union all select min(' ~ e ~ '), max(' ~ e ~ ') from ' ~ sides.after ~ ') ranges'
  ).rows[0] -%}
  {%- do sides.update({'rows': [
    compare_count(compare_rows(sides, 'before', ['1 as one'])),
    compare_count(compare_rows(sides, 'after', ['1 as one']))
  ]}) -%}
  {%- do tell({
    'of': key, 'event_time': sides.event, 'range': [as_text(found[0]), as_text(found[1])], 'in_range': sides.rows
  }) -%}
{% endmacro %}

{% macro compare_rows(sides, side, expressions) -%}
  (select {{ expressions | join(', ') }} from {{ sides[side] }}
  {%- if sides.event is not none %}
    {%- set other, e = sides['after' if side == 'before' else 'before'], adapter.quote(sides.event) %}
    where {{ e }} >= (select min({{ e }}) from {{ other }})
      and {{ e }} <= (select max({{ e }}) from {{ other }})
  {%- endif %}) {{ side }}_rows
{%- endmacro %}

{% macro compare_count(source) %}
  {%- do return(run_query('select count(*) as total from ' ~ source).rows[0][0] | int) -%}
{% endmacro %}

{#- How often each key is there before and after; `expressions` are `… as k0`, `… as k1`. -#}
{% macro compare_groups(sides, expressions, has_nulls) -%}
  {%- set names = [] -%}
  {%- for _ in expressions %}{% do names.append('k' ~ loop.index0) %}{% endfor -%}
  {%- set list = names | join(', ') -%}
  {%- set present = '' if has_nulls else ' where ' ~ names | join(' is not null and ') ~ ' is not null' -%}
  (select {{ list }}, sum(olds) as olds, sum(news) as news from (
    select {{ list }}, 1 as olds, 0 as news from {{ compare_rows(sides, 'before', expressions) }}{{ present }}
    union all
    select {{ list }}, 0 as olds, 1 as news from {{ compare_rows(sides, 'after', expressions) }}{{ present }}
  ) both_sides group by {{ list }}) key_groups
{%- endmacro %}

{% macro compare_sums(expressions, source) %}
  {%- set sums = [] -%}
  {%- for each in expressions -%}
    {%- do sums.append('coalesce(sum(' ~ each ~ '), 0) as n' ~ loop.index0) -%}
  {%- endfor -%}
  {%- set numbers = [] -%}
  {%- for value in run_query('select ' ~ sums | join(', ') ~ ' from ' ~ source).rows[0] -%}
    {%- do numbers.append(value | int) -%}
  {%- endfor -%}
  {%- do return(numbers) -%}
{% endmacro %}

{% macro compare_as(prefix, names, columns) %}
  {%- set expressions = [] -%}
  {%- for name in names -%}
    {%- do expressions.append(compare_value(name, columns) ~ ' as ' ~ prefix ~ loop.index0) -%}
  {%- endfor -%}
  {%- do return(expressions) -%}
{% endmacro %}

{#- With a primary key -#}

{% macro compare_by_key(key, item, sides, columns, names) %}
  {%- set keys = compare_as('k', names, columns) -%}
  {%- set found = compare_sums([
    'case when olds = 0 and news = 1 then 1 else 0 end',
    'case when olds = 1 and news = 0 then 1 else 0 end',
    'case when olds = 1 and news = 1 then 1 else 0 end',
    'case when olds > 1 then 1 else 0 end',
    'case when news > 1 then 1 else 0 end',
    'case when olds > 1 or news > 1 then olds else 0 end',
    'case when olds > 1 or news > 1 then news else 0 end',
    'olds',
    'news',
  ], compare_groups(sides, keys, false)) -%}
  {%- do tell({
    'of': key, 'added': found[0], 'removed': found[1], 'in_both': found[2],
    'duplicate_keys': found[3:5], 'duplicate_rows': found[5:7],
    'null_keys': [sides.rows[0] - found[7], sides.rows[1] - found[8]],
  }) -%}
  {%- set others = columns.common | reject('in', names) | list -%}
  {%- set join = {
    'keys': keys, 'names': names, 'others': others,
    'clean': compare_groups(sides, keys, false) if found[3] or found[4] else none,
  } -%}
  {%- set changed = compare_changed(key, sides, columns, join) if found[2] and others else 0 -%}
  {%- do compare_samples(key, item, sides, columns, join, found[0], found[1], changed) -%}
{% endmacro %}

{% macro compare_on(left, right, join) -%}
  {%- for _ in join.names %}{{ ' and ' if not loop.first }}{{ left }}.k{{ loop.index0 }} = {{ right }}.k{{ loop.index0 }}{% endfor -%}
{%- endmacro %}

{#- Rows whose key is there more than once are counted by themselves. -#}
{% macro compare_clean(side, join) -%}
  {%- if join.clean is not none %}
    join {{ join.clean }} on {{ compare_on(side, 'key_groups', join) }} and olds <= 1 and news <= 1
  {%- endif %}
{%- endmacro %}

{% macro compare_differs(number) -%}
  case when before_rows.v{{ number }} = after_rows.v{{ number }}
    or (before_rows.v{{ number }} is null and after_rows.v{{ number }} is null) then 0 else 1 end
{%- endmacro %}

{% macro compare_joined(sides, columns, join, more) -%}
  {{ compare_rows(sides, 'before', join['keys'] + compare_as('v', join.others, columns) + more) }}
  join {{ compare_rows(sides, 'after', join['keys'] + compare_as('v', join.others, columns) + more) }}
  on {{ compare_on('before_rows', 'after_rows', join) }} {{ compare_clean('before_rows', join) }}
{%- endmacro %}

{% macro compare_changed(key, sides, columns, join) %}
  {%- set flags, sum = [], [] -%}
  {%- for _ in join.others -%}
    {%- do flags.append(compare_differs(loop.index0) ~ ' as d' ~ loop.index0) -%}
    {%- do sum.append('d' ~ loop.index0) -%}
  {%- endfor -%}
  {%- set any = 'case when ' ~ sum | join(' + ') ~ ' > 0 then 1 else 0 end' -%}
  {%- set found = compare_sums([any] + sum, '(select ' ~ flags | join(', ') ~ ' from '
    ~ compare_joined(sides, columns, join, []) ~ ') differences') -%}
  {%- do tell({
    'of': key, 'changed': found[0], 'changed_columns': zip(join.others, found[1:]) | list
  }) -%}
  {%- do return(found[0]) -%}
{% endmacro %}

{#- Samples: the values of sensitive columns are not even asked for. -#}

{% macro compare_is_hidden(name, hidden) %}
  {%- do return(hidden is none or name.lower() in hidden) -%}
{% endmacro %}

{% macro compare_shown(prefix, names, hidden) %}
  {%- set expressions = [] -%}
  {%- for name in names -%}
    {%- set value = "'*****'" if compare_is_hidden(name, hidden) else adapter.quote(name) -%}
    {%- do expressions.append(value ~ ' as ' ~ prefix ~ loop.index0) -%}
  {%- endfor -%}
  {%- do return(expressions) -%}
{% endmacro %}

{% macro compare_tell(key, what, names, sql, most) %}
  {%- for row in run_query(get_limit_subquery_sql(sql, most)).rows -%}
    {%- set values = [] -%}
    {%- for value in row -%}
      {%- do values.append(as_text(value)) -%}
    {%- endfor -%}
    {%- do tell({'of': key, 'sample': what, 'columns': names, 'values': values}) -%}
  {%- endfor -%}
{% endmacro %}

{% macro compare_one_sided(key, item, sides, columns, join, side, other, what) %}
  {%- set names = [] -%}
  {%- for name in columns[side] if compare_is_quotable(name) -%}
    {%- do names.append(name) -%}
  {%- endfor -%}
  {%- set shown, present, order = [], [], [] -%}
  {%- for _ in names %}{% do shown.append(side ~ '_rows.s' ~ loop.index0) %}{% endfor -%}
  {%- for _ in join.names -%}
    {%- do present.append(side ~ '_rows.k' ~ loop.index0 ~ ' is not null') -%}
    {%- do order.append(side ~ '_rows.k' ~ loop.index0) -%}
  {%- endfor -%}
  {%- set sql -%}
    select {{ shown | join(', ') }}
    from {{ compare_rows(sides, side, join['keys'] + compare_shown('s', names, item.hidden)) }}
    left join {{ compare_rows(sides, other, join['keys']) }} on {{ compare_on(side ~ '_rows', other ~ '_rows', join) }}
    {{ compare_clean(side ~ '_rows', join) }}
    where {{ other }}_rows.k0 is null and {{ present | join(' and ') }}
    order by {{ order | join(', ') }}
  {%- endset -%}
  {%- do compare_tell(key, what, names, sql, item.samples[what]) -%}
{% endmacro %}

{% macro compare_samples(key, item, sides, columns, join, added, removed, changed) %}
  {%- if not item.samples -%}
    {%- do return(none) -%}
  {%- endif -%}
  {%- if added -%}
    {%- do compare_one_sided(key, item, sides, columns, join, 'after', 'before', 'added') -%}
  {%- endif -%}
  {%- if removed -%}
    {%- do compare_one_sided(key, item, sides, columns, join, 'before', 'after', 'removed') -%}
  {%- endif -%}
  {%- if changed -%}
    {%- set names = join.names + join.others -%}
    {%- set shown, differences, order = [], [], [] -%}
    {%- for _ in names -%}
      {%- do shown.append('before_rows.s' ~ loop.index0 ~ ' as b' ~ loop.index0) -%}
      {%- do shown.append('after_rows.s' ~ loop.index0 ~ ' as a' ~ loop.index0) -%}
    {%- endfor -%}
    {%- for _ in join.others %}{% do differences.append(compare_differs(loop.index0)) %}{% endfor -%}
    {%- for _ in join.names %}{% do order.append('before_rows.k' ~ loop.index0) %}{% endfor -%}
    {%- set sql -%}
      select {{ shown | join(', ') }}
      from {{ compare_joined(sides, columns, join, compare_shown('s', names, item.hidden)) }}
      where {{ differences | join(' + ') }} > 0
      order by {{ order | join(', ') }}
    {%- endset -%}
    {%- do compare_tell(key, 'changed', names, sql, item.samples.changed) -%}
  {%- endif -%}
{% endmacro %}

{#- Without a primary key: how often each whole row is there. -#}

{% macro compare_whole_rows(key, item, sides, columns) %}
  {%- set groups = compare_groups(sides, compare_as('k', columns.common, columns), true) -%}
  {%- set found = compare_sums([
    'case when news > olds then news - olds else 0 end',
    'case when olds > news then olds - news else 0 end',
  ], groups) -%}
  {%- do tell({'of': key, 'added': found[0], 'removed': found[1]}) -%}
  {%- if not item.samples -%}
    {%- do return(none) -%}
  {%- endif -%}
  {%- set shown, order = [], [] -%}
  {%- for name in columns.common -%}
    {%- do shown.append("'*****'" if compare_is_hidden(name, item.hidden) else 'k' ~ loop.index0) -%}
    {%- do order.append('k' ~ loop.index0) -%}
  {%- endfor -%}
  {%- for what, condition in [('added', 'news > olds'), ('removed', 'olds > news')] -%}
    {%- set shown_as = [] -%}
    {%- for each in shown %}{% do shown_as.append(each ~ ' as s' ~ loop.index0) %}{% endfor -%}
    {%- set sql = 'select ' ~ shown_as | join(', ') ~ ' from ' ~ groups ~ ' where ' ~ condition
      ~ ' order by ' ~ order | join(', ') -%}
    {%- do compare_tell(key, what, columns.common, sql, item.samples[what]) -%}
  {%- endfor -%}
{% endmacro %}
