-- The vendor quotes as well, in two ways.
ALTER TABLE "order" ADD "new ""quoted"" column" INTEGER;
GO
UPDATE [order] SET [new "quoted" column] = [select] * 2;
