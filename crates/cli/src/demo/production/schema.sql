-- The production database of a family clinic on version 5.1 of its case management. Ugly on purpose where real ones are.
PRAGMA application_id = 1129072979;
PRAGMA user_version = 51;
PRAGMA journal_mode = WAL;

CREATE TABLE setting (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE module (
  code    TEXT NOT NULL PRIMARY KEY,
  title   TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE agency (
  id     INTEGER PRIMARY KEY,
  title  TEXT NOT NULL,
  line_1 VARCHAR(120),
  logo   BLOB
);

CREATE TABLE user_group (
  id    INTEGER PRIMARY KEY,
  title TEXT NOT NULL UNIQUE
);

CREATE TABLE worker (
  id            INTEGER PRIMARY KEY,
  group_id      INTEGER NOT NULL REFERENCES user_group (id),
  login         VARCHAR(80) NOT NULL UNIQUE COLLATE NOCASE,
  first_name    VARCHAR(60) NOT NULL,
  last_name     VARCHAR(60) NOT NULL,
  email         VARCHAR(160) NOT NULL,
  sms_address   VARCHAR(160),
  mobile        VARCHAR(40),
  password_hash TEXT,
  active        INTEGER NOT NULL DEFAULT 1,
  last_seen     DATETIME
);
CREATE UNIQUE INDEX worker_email_once ON worker (lower(email));

CREATE TABLE programme (
  id    INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  fee   NUMERIC(8, 2) NOT NULL DEFAULT 0
);

CREATE TABLE client (
  id            INTEGER PRIMARY KEY,
  file_no       VARCHAR(20) NOT NULL,
  first_name    VARCHAR(60) NOT NULL,
  last_name     VARCHAR(60) NOT NULL,
  full_name     TEXT GENERATED ALWAYS AS (last_name || ', ' || first_name) VIRTUAL,
  birth_date    DATE,
  gender        VARCHAR(1),
  insurance_no  VARCHAR(20) UNIQUE,
  email         VARCHAR(160),
  phone         VARCHAR(40),
  street        VARCHAR(120),
  postcode      VARCHAR(12),
  city          VARCHAR(60),
  language      VARCHAR(3) NOT NULL DEFAULT 'en',
  registered_on DATE NOT NULL,
  origin        VARCHAR(20) NOT NULL DEFAULT 'desk',
  worker_id     INTEGER REFERENCES worker (id)
);
CREATE UNIQUE INDEX client_file_no ON client (file_no);
CREATE UNIQUE INDEX client_email_once ON client (lower(email));
CREATE INDEX client_names ON client (last_name, first_name);

CREATE TABLE contact (
  id           INTEGER PRIMARY KEY,
  client_id    INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  full_name    VARCHAR(120) NOT NULL,
  relationship VARCHAR(30) NOT NULL,
  phone        VARCHAR(40)
);

CREATE TABLE case_file (
  id           INTEGER PRIMARY KEY,
  client_id    INTEGER NOT NULL REFERENCES client (id),
  programme_id INTEGER NOT NULL REFERENCES programme (id),
  opened_on    DATE NOT NULL,
  closed_on    DATE
);
CREATE INDEX case_file_client ON case_file (client_id);

CREATE TABLE appointment (
  id        INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  worker_id INTEGER NOT NULL REFERENCES worker (id),
  starts_at DATETIME NOT NULL,
  minutes   INTEGER NOT NULL CHECK (minutes > 0),
  state     VARCHAR(12) NOT NULL
);
CREATE INDEX appointment_client ON appointment (client_id, starts_at);

CREATE TABLE note (
  id         INTEGER PRIMARY KEY,
  client_id  INTEGER NOT NULL REFERENCES client (id),
  worker_id  INTEGER NOT NULL REFERENCES worker (id),
  written_at DATETIME NOT NULL,
  body       TEXT NOT NULL
);
CREATE INDEX note_client ON note (client_id);
CREATE VIRTUAL TABLE note_search USING fts5 (body, content = 'note', content_rowid = 'id');
CREATE TRIGGER note_written AFTER INSERT ON note BEGIN
  INSERT INTO note_search (rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER note_removed AFTER DELETE ON note BEGIN
  INSERT INTO note_search (note_search, rowid, body) VALUES ('delete', old.id, old.body);
END;
CREATE TRIGGER note_changed AFTER UPDATE OF body ON note BEGIN
  INSERT INTO note_search (note_search, rowid, body) VALUES ('delete', old.id, old.body);
  INSERT INTO note_search (rowid, body) VALUES (new.id, new.body);
END;

CREATE TABLE attachment (
  id        INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  file_name VARCHAR(120) NOT NULL,
  mime      VARCHAR(60) NOT NULL,
  content   BLOB NOT NULL
);

CREATE TABLE rating (
  client_id INTEGER NOT NULL REFERENCES client (id),
  session   INTEGER NOT NULL,
  score     REAL NOT NULL,
  PRIMARY KEY (client_id, session)
) WITHOUT ROWID;

CREATE TABLE invoice (
  id        INTEGER PRIMARY KEY,
  number    VARCHAR(20) NOT NULL UNIQUE,
  client_id INTEGER NOT NULL REFERENCES client (id),
  issued_on DATE NOT NULL,
  total     NUMERIC(10, 2) NOT NULL,
  card_last_4 VARCHAR(4)
);
CREATE INDEX invoice_client ON invoice (client_id);

CREATE TABLE billing_document (
  id     INTEGER PRIMARY KEY,
  title  TEXT NOT NULL,
  footer TEXT,
  logo   BLOB
);

-- Communication (E2, E4).
CREATE TABLE communication_queue (
  id        INTEGER PRIMARY KEY,
  client_id INTEGER REFERENCES client (id),
  channel   VARCHAR(16) NOT NULL,
  recipient TEXT NOT NULL,
  body      TEXT NOT NULL,
  due_at    DATETIME NOT NULL
);
-- The mail server's link.
CREATE TABLE mail_account (
  id        INTEGER PRIMARY KEY,
  host      TEXT NOT NULL,
  user_name TEXT,
  password  TEXT,
  active    INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE mail_server_queue (
  id         INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES mail_account (id),
  worker_id  INTEGER NOT NULL REFERENCES worker (id),
  subject    TEXT NOT NULL,
  body       TEXT NOT NULL
);
CREATE TABLE mail_server_error (
  id        INTEGER PRIMARY KEY,
  queue_id  INTEGER,
  message   TEXT NOT NULL,
  failed_at DATETIME NOT NULL
);
-- Action triggers.
CREATE TABLE action_trigger (
  id      INTEGER PRIMARY KEY,
  title   TEXT NOT NULL,
  event   VARCHAR(40) NOT NULL,
  url     TEXT,
  active  INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE action_trigger_queue (
  id         INTEGER PRIMARY KEY,
  trigger_id INTEGER NOT NULL REFERENCES action_trigger (id),
  payload    JSON NOT NULL,
  queued_at  DATETIME NOT NULL
);
-- Outcome rating service, card production, government reporting.
CREATE TABLE rating_service (
  id       INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL,
  account  TEXT,
  api_key  TEXT,
  active   INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE card_processor (
  id          INTEGER PRIMARY KEY,
  environment VARCHAR(12) NOT NULL,
  merchant    TEXT,
  secret_key  TEXT NOT NULL,
  active      INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE government_link (
  id          INTEGER PRIMARY KEY,
  outlet      VARCHAR(12) NOT NULL,
  certificate BLOB,
  sync        INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE government_queue (
  id        INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  record    JSON NOT NULL,
  state     VARCHAR(12) NOT NULL
);
-- Client portals.
CREATE TABLE portal_account (
  id            INTEGER PRIMARY KEY,
  client_id     INTEGER NOT NULL UNIQUE REFERENCES client (id),
  login         VARCHAR(160) NOT NULL UNIQUE COLLATE NOCASE,
  password_hash TEXT NOT NULL
);
CREATE TABLE portal_product_key (
  product     VARCHAR(20) NOT NULL PRIMARY KEY,
  license_key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE notification (
  id      INTEGER PRIMARY KEY,
  title   TEXT NOT NULL,
  channel VARCHAR(16) NOT NULL,
  active  INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE workflow (
  id     INTEGER PRIMARY KEY,
  title  TEXT NOT NULL,
  steps  JSON NOT NULL,
  active INTEGER NOT NULL DEFAULT 1
);
-- General ledger.
CREATE TABLE ledger_link (
  id       INTEGER PRIMARY KEY,
  company  TEXT NOT NULL,
  user_name TEXT,
  password TEXT,
  active   INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE audit_log (
  id         INTEGER PRIMARY KEY,
  happened_at DATETIME NOT NULL,
  worker_id  INTEGER,
  what       TEXT NOT NULL
);

-- The clinic's own: volunteers who drive clients, and what an import left behind.
CREATE TABLE x_ride (
  id          INTEGER PRIMARY KEY,
  client_id   INTEGER NOT NULL REFERENCES client (id),
  driver_name VARCHAR(120),
  pick_up     TEXT,
  ride_on     DATE NOT NULL
);
CREATE TABLE x_import_2009 (
  "Akten-Nr." TEXT,
  "Name, Vorname" TEXT,
  "Tel. privat" TEXT
);

CREATE VIEW open_case AS
  SELECT f.id, c.file_no, c.full_name, c.street, p.title AS programme
  FROM case_file f JOIN client c ON c.id = f.client_id JOIN programme p ON p.id = f.programme_id
  WHERE f.closed_on IS NULL;
CREATE VIEW worker_load AS
  SELECT w.id, w.login, count(a.id) AS appointments
  FROM worker w LEFT JOIN appointment a ON a.worker_id = w.id AND a.state = 'planned' GROUP BY w.id;
CREATE TRIGGER client_moved AFTER UPDATE OF street, postcode, city ON client BEGIN
  INSERT INTO audit_log (happened_at, what) VALUES (datetime('now'), 'address of client ' || new.id);
END;
