UPDATE client SET name = name;
ATTACH DATABASE 'elsewhere.db' AS elsewhere;
