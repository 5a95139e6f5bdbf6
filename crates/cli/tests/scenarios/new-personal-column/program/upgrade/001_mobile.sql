ALTER TABLE client ADD COLUMN mobile_phone VARCHAR(24);
UPDATE client SET mobile_phone = phone;
