-- What nobody knew: two clients are active.
UPDATE client SET level = 2;
UPDATE client
   SET level = 3;
CREATE INDEX client_status
  ON client (status);
UPDATE client SET level = 4;
