-- What an upgrade must not lose or invent, compared with production inside the same snapshot.
-- expect: same as source
select count(*) from appointment;

-- expect: same as source
select count(*) from note;

-- expect: same as source
select cast(round(sum(total) * 100) as integer) from invoice;
