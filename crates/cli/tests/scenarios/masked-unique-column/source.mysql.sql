-- MariaDB has no indexes over expressions: what plays their part is a generated column with a key of its own.
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  login VARCHAR(60) NOT NULL UNIQUE,
  mail VARCHAR(80),
  mail_lower VARCHAR(80) AS (lower(mail)) VIRTUAL,
  tenant INTEGER NOT NULL,
  code VARCHAR(40) NOT NULL,
  UNIQUE KEY account_mail (mail_lower),
  UNIQUE KEY account_code (tenant, code)
);
INSERT INTO account (id, login, mail, tenant, code) VALUES (1, 'ines', 'Ines@rawwitz-planted.org', 1, 'A-1'), (2, 'otto', 'otto@rawwitz-planted.org', 1, 'A-2'), (3, 'ute', NULL, 2, 'A-1');
