CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL, status VARCHAR(20) NOT NULL);
INSERT INTO client VALUES (1, 'Ines Rawwitz', 'active'), (2, 'Otto Rawwitz', 'active'), (3, 'Ute Rawwitz', 'left');
