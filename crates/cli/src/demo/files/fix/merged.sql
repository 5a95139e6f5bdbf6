-- Nobody was lost by merging: who is gone is written down.
-- expect: same as source
-- source: select count(*) from client
-- shape: after
select (select count(*) from client) + (select count(*) from x_merged_client);

-- Nothing points at a client who is gone.
-- shape: after
select 1 from appointment where client_id not in (select id from client)
union all select 1 from note where client_id not in (select id from client)
union all select 1 from invoice where client_id not in (select id from client);
