CREATE MACRO people_of(settlements, what := 'residents') AS TABLE
SELECT
    quantile_cont(people, 0.05) AS p05,
    quantile_cont(people, 0.25) AS p25,
    quantile_cont(people, 0.50) AS p50,
    quantile_cont(people, 0.75) AS p75,
    quantile_cont(people, 0.95) AS p95,
    avg(people) AS mean
FROM (
    SELECT n, sum(value) AS people
    FROM (
        SELECT unnest(draws::INTEGER[]) AS value, unnest(range(1, 1001)) AS n
        FROM population_draws
        WHERE quantity = what AND list_contains(settlements, settlement_id)
    )
    GROUP BY n
);
