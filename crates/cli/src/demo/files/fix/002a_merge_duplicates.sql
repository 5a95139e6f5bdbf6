-- The clinic's own, between the vendor's 002 and 003: the import of 2009 wrote file numbers in its own way, so that some clients exist
-- twice. The one from the desk stays and gets everything of the other. What went where is kept for good.
CREATE TABLE x_merged_client (
  gone_id INTEGER NOT NULL PRIMARY KEY,
  kept_id INTEGER NOT NULL REFERENCES client (id)
);
INSERT INTO x_merged_client (gone_id, kept_id)
  SELECT id, kept FROM (
    SELECT id, first_value(id) OVER (PARTITION BY upper(replace(file_no, ' ', '')) ORDER BY origin = 'import-2009', id) AS kept FROM client)
  WHERE id <> kept;
DELETE FROM consent WHERE client_id IN (SELECT gone_id FROM x_merged_client);
DELETE FROM rating WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE contact SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE case_file SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE appointment SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE note SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE attachment SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE invoice SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
UPDATE x_ride SET client_id = (SELECT kept_id FROM x_merged_client WHERE gone_id = client_id) WHERE client_id IN (SELECT gone_id FROM x_merged_client);
DELETE FROM communication_queue WHERE client_id IN (SELECT gone_id FROM x_merged_client);
DELETE FROM government_queue WHERE client_id IN (SELECT gone_id FROM x_merged_client);
DELETE FROM portal_account WHERE client_id IN (SELECT gone_id FROM x_merged_client);
DELETE FROM client WHERE id IN (SELECT gone_id FROM x_merged_client);
