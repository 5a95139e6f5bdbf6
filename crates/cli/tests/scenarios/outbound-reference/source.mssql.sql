CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);
INSERT INTO client VALUES (1, 'Ines Rawwitz');
GO
CREATE PROCEDURE export_all AS INSERT INTO warehouse.dbo.client SELECT * FROM client;
