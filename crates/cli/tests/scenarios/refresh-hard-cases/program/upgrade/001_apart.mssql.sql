CREATE TABLE mail_server (mailbox INTEGER NOT NULL PRIMARY KEY, address VARCHAR(60));
CREATE TABLE settings_more (id INTEGER NOT NULL PRIMARY KEY, b VARCHAR(20));
GO
INSERT INTO mail_server SELECT id, address FROM mailbox;
INSERT INTO settings_more SELECT id, b FROM settings;
GO
ALTER TABLE mailbox DROP COLUMN address;
ALTER TABLE settings DROP COLUMN b;
