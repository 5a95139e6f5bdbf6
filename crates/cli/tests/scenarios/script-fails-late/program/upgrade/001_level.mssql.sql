ALTER TABLE client ADD level INTEGER;
GO
UPDATE client SET level = 1;
