-- The clinic's own: every ride is somebody's.
select 1 from x_ride r left join client c on c.id = r.client_id where c.id is null;
