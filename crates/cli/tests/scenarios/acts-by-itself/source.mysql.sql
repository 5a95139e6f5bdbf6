-- What acts or reaches out by itself on MariaDB only: an event, definers who are somebody else, a table whose rows stand on another server.
CREATE OR REPLACE USER vendor@localhost;
CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);
CREATE TABLE letter (id INTEGER PRIMARY KEY AUTO_INCREMENT, client INTEGER NOT NULL, sent DATETIME);
INSERT INTO client VALUES (1, 'Ines Rawwitz'), (2, 'Otto Rawwitz');
INSERT INTO letter (client) VALUES (1), (2);
CREATE DEFINER = vendor@localhost EVENT send_letters ON SCHEDULE EVERY 1 SECOND DO UPDATE letter SET sent = now() WHERE sent IS NULL AND id > 100;
CREATE DEFINER = vendor@localhost PROCEDURE write_to_all() INSERT INTO letter (client) SELECT id FROM client;
CREATE DEFINER = vendor@localhost TRIGGER welcome AFTER INSERT ON client FOR EACH ROW INSERT INTO letter (client) VALUES (new.id);
CREATE DEFINER = vendor@localhost VIEW unsent AS SELECT id FROM letter WHERE sent IS NULL;
INSTALL PLUGIN IF NOT EXISTS federated SONAME 'ha_federatedx';
EXECUTE IMMEDIATE CONCAT('CREATE TABLE elsewhere (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL) ENGINE = FEDERATED CONNECTION = ''mysql://root@127.0.0.1:', @@port, '/', database(), '/client''');
