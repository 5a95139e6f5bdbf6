CREATE INDEX twins_b ON twins (b);
