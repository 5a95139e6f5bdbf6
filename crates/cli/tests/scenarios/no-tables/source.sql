CREATE VIEW only_a_view AS SELECT 1 AS one;
