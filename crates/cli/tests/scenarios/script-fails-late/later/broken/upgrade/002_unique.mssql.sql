-- What nobody knew: two clients are active.
UPDATE client SET level = 2;
GO
UPDATE client
   SET level = 3;
CREATE UNIQUE INDEX client_status
  ON client (status);
GO
UPDATE client SET level = 4;
