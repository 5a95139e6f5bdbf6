-- The vendor quotes as well.
ALTER TABLE "order" ADD COLUMN "New ""quoted"" column" INTEGER;
UPDATE "order" SET "New ""quoted"" column" = "select" * 2;
