CREATE TABLE twins (a VARCHAR(20), b INTEGER);
CREATE TABLE no_rows (id INTEGER PRIMARY KEY, name VARCHAR(20));
CREATE TABLE all_null (a INTEGER, b VARCHAR(20));
INSERT INTO twins VALUES ('same', 1), ('same', 1), ('same', 1), (NULL, NULL), (NULL, NULL), ('', 0);
INSERT INTO all_null VALUES (NULL, NULL), (NULL, NULL);
