CREATE TABLE mail_server (mailbox INTEGER NOT NULL PRIMARY KEY, address VARCHAR(60));
INSERT INTO mail_server SELECT id, address FROM mailbox;
ALTER TABLE mailbox DROP COLUMN address;
CREATE TABLE settings_more (id INTEGER NOT NULL PRIMARY KEY, b VARCHAR(20));
INSERT INTO settings_more SELECT id, b FROM settings;
ALTER TABLE settings DROP COLUMN b;
