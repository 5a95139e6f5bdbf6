CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL, phone VARCHAR(24));
INSERT INTO client VALUES (1, 'Ines Rawwitz', '+48 600 555 101'), (2, 'Otto Rawwitz', NULL);
