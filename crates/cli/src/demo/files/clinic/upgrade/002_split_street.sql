-- Version 5.2, script 2 of 3: street and house number become two columns.
ALTER TABLE client ADD COLUMN street_name VARCHAR(120);
ALTER TABLE client ADD COLUMN house_no VARCHAR(10);
UPDATE client SET
  street_name = trim(rtrim(street, '0123456789')),
  house_no = nullif(substr(street, length(rtrim(street, '0123456789')) + 1), '')
WHERE street IS NOT NULL;
DROP VIEW open_case;
DROP TRIGGER client_moved;
ALTER TABLE client DROP COLUMN street;
CREATE VIEW open_case AS
  SELECT f.id, c.file_no, c.full_name, c.street_name, c.house_no, p.title AS programme
  FROM case_file f JOIN client c ON c.id = f.client_id JOIN programme p ON p.id = f.programme_id
  WHERE f.closed_on IS NULL;
CREATE TRIGGER client_moved AFTER UPDATE OF street_name, house_no, postcode, city ON client BEGIN
  INSERT INTO audit_log (happened_at, what) VALUES (datetime('now'), 'address of client ' || new.id);
END;
