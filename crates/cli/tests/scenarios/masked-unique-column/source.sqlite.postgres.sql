CREATE TABLE account (id INTEGER PRIMARY KEY, login VARCHAR(60) NOT NULL UNIQUE, mail VARCHAR(80), tenant INTEGER NOT NULL, code VARCHAR(12) NOT NULL);
CREATE UNIQUE INDEX account_mail ON account (lower(mail));
CREATE UNIQUE INDEX account_code ON account (tenant, code);
INSERT INTO account VALUES (1, 'ines', 'Ines@rawwitz-planted.org', 1, 'A-1'), (2, 'otto', 'otto@rawwitz-planted.org', 1, 'A-2'), (3, 'ute', NULL, 2, 'A-1');
