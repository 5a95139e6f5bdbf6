ALTER TABLE client ADD COLUMN level INTEGER;
UPDATE client SET level = 1;
