create trigger t after insert on client begin
  update client set n = case when new.n > 1 then 2 else 3 end; delete from [odd;name];
end;
insert into `q;` values ("a;b", x'00', 'c''d;'); -- last;
select 1
