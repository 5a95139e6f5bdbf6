INSERT INTO hen VALUES (1, 'Berta', NULL), (2, 'Klara', NULL);
INSERT INTO egg VALUES (1, 1), (2, 1), (3, 2);
UPDATE hen SET first_egg = 1 WHERE id = 1;
UPDATE hen SET first_egg = 3 WHERE id = 2;
INSERT INTO employee VALUES (1, 'Ines Rawwitz', NULL, 2);
INSERT INTO employee VALUES (2, 'Otto Rawwitz', 1, 1);
UPDATE employee SET boss = 2 WHERE id = 1;
