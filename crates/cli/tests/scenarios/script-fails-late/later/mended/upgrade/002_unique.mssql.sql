-- What nobody knew: two clients are active.
UPDATE client SET level = 2;
GO
UPDATE client
   SET level = 3;
CREATE INDEX client_status
  ON client (status);
GO
UPDATE client SET level = 4;
