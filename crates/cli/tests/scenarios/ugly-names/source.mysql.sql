CREATE TABLE `order` (`select` INTEGER PRIMARY KEY, `Group By` VARCHAR(60), `from` INTEGER);
CREATE TABLE `naïve 表 "of``"` (`id` INTEGER PRIMARY KEY, `E-Mail 'work'` VARCHAR(80) NOT NULL UNIQUE, `semi;colon--` TEXT, `%s {}` INTEGER REFERENCES `order` (`select`));
CREATE TABLE `Table` (`a.b` VARCHAR(20) PRIMARY KEY, `t` INTEGER);
CREATE INDEX `where "it" is` ON `order` (`Group By`, `from`);
CREATE VIEW `view of 'all'` AS SELECT `E-Mail 'work'` AS `null` FROM `naïve 表 "of``"`;
INSERT INTO `order` VALUES (1, 'Zofia Rawwitz', 10), (2, 'Ünal Rawwitz', 20), (3, NULL, NULL);
INSERT INTO `naïve 表 "of``"` VALUES (1, 'zofia@rawwitz-planted.org', 'kept; as--is', 1), (2, 'unal@rawwitz-planted.org', NULL, 2);
INSERT INTO `Table` VALUES ('version', 5), ('x', 0);
