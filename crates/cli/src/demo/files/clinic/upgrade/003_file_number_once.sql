-- Version 5.2, script 3 of 3: a client has one file. Blanks and case in a file number mean nothing any more.
CREATE UNIQUE INDEX client_file_once ON client (upper(replace(file_no, ' ', '')));
UPDATE setting SET value = '5.2.0' WHERE key = 'product.version';
PRAGMA user_version = 52;
