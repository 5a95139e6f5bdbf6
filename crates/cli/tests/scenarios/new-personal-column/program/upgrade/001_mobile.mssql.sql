ALTER TABLE client ADD mobile_phone VARCHAR(24);
GO
UPDATE client SET mobile_phone = phone;
