-- The vendor quotes as well.
ALTER TABLE `order` ADD COLUMN `New "quoted" column` INTEGER;
SET sql_mode = 'ANSI_QUOTES';
UPDATE "order" SET "New ""quoted"" column" = "select" * 2;
