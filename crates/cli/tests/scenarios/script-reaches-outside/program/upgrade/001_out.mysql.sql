UPDATE client SET name = name;
SET GLOBAL max_connections = 7;
