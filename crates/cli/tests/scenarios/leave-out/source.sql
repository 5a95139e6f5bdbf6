CREATE TABLE import_2019 (id INTEGER PRIMARY KEY, content TEXT);
CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL, imported INTEGER REFERENCES import_2019 (id));
CREATE TABLE client_backup (id INTEGER, name VARCHAR(60));
INSERT INTO import_2019 VALUES (7, 'Rawwitz;Ines;4111111111111111');
INSERT INTO client VALUES (1, 'Ines Rawwitz', 7), (2, 'Otto Rawwitz', NULL);
INSERT INTO client_backup VALUES (1, 'Ines Rawwitz');
