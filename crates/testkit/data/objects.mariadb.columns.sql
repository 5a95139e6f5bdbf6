-- Writes the `columns.toml` of a program for the tables of `objects.mariadb.sql`: people masked in several character sets, all else kept.
select concat(
    if(ordinal_position = 1, concat('["', replace(table_name, '"', '\\"'), '"]\n'), ''), '"', replace(column_name, '"', '\\"'), '" = ',
    case concat(table_name, '.', column_name)
      when 'client.name' then '{ mask = "full_name", identity = "id" }'
      when 'client.mail' then '{ mask = "email", identity = "id" }'
      when 'client.slavic' then '{ mask = "city", identity = "id" }'
      when 'client.wide' then '{ mask = "last_name", identity = "id" }'
      when 'client.phone' then '{ mask = "phone", identity = "id" }'
      when 'client.secret' then '"clear"'
      when 'visit.note' then '{ mask = "redact" }'
      else '"keep"'
    end)
  from information_schema.columns join information_schema.tables using (table_schema, table_name)
  where table_schema = database() and table_type = 'BASE TABLE' and is_generated = 'NEVER'
  order by table_name, ordinal_position;
