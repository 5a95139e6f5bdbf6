-- Babelfish takes no `]` in names, gives names outside of the code page back with question marks, and writes all names small: SQL Server would
-- take the names that the other engines have.
CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "group by" NVARCHAR(60), "from" INTEGER);
CREATE TABLE "naïve ""of""" ("id" INTEGER PRIMARY KEY, "e-mail 'work'" VARCHAR(80) NOT NULL UNIQUE, "semi;colon--" NVARCHAR(MAX), "%s {}" INTEGER REFERENCES "order" ("select"));
CREATE TABLE "table" ("a.b" VARCHAR(20) PRIMARY KEY, "t" INTEGER);
CREATE INDEX "where ""it"" is" ON "order" ("group by", "from");
GO
CREATE VIEW "view of 'all'" AS SELECT "e-mail 'work'" AS "null" FROM "naïve ""of""";
GO
INSERT INTO "order" VALUES (1, 'Zofia Rawwitz', 10), (2, N'Ünal Rawwitz', 20), (3, NULL, NULL);
INSERT INTO "naïve ""of""" VALUES (1, 'zofia@rawwitz-planted.org', 'kept; as--is', 1), (2, 'unal@rawwitz-planted.org', NULL, 2);
INSERT INTO "table" VALUES ('version', 5), ('x', 0);
