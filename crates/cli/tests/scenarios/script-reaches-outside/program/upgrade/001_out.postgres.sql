UPDATE client SET name = name;
ALTER SYSTEM SET work_mem = '1GB';
