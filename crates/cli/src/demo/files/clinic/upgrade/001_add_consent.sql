-- Version 5.2, script 1 of 3: consents get a table of their own, filled from what the clinic had on paper.
CREATE TABLE consent (
  id        INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  sort      VARCHAR(20) NOT NULL,
  given_on  DATE NOT NULL,
  CONSTRAINT consent_once UNIQUE (client_id, sort)
);
INSERT INTO consent (client_id, sort, given_on) SELECT id, 'treatment', registered_on FROM client;
INSERT INTO consent (client_id, sort, given_on) SELECT id, 'contact by mail', registered_on FROM client WHERE email IS NOT NULL;
