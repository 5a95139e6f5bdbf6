-- Every appointment has a client and a worker.
select 1 from appointment a
  left join client c on c.id = a.client_id left join worker w on w.id = a.worker_id
  where c.id is null or w.id is null;

-- The search over notes finds what is in the notes.
select 1 from (select count(*) n from note) a, (select count(*) n from note_search) b where a.n <> b.n;

-- From 5.2 on: whoever is a client has consented to treatment.
-- shape: after
select 1 from client c where not exists (select 1 from consent where client_id = c.id and sort = 'treatment');
