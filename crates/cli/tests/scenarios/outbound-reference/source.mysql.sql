-- The other database need not be there: what the routine says is enough.
CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);
INSERT INTO client VALUES (1, 'Ines Rawwitz');
CREATE PROCEDURE export_all() INSERT INTO warehouse.client SELECT * FROM client;
