CREATE VIEW area_growth AS
SELECT
    area_id,
    product,
    year,
    modelled,
    built_m2,
    built_m2 / nullif(
        last_value(built_m2) OVER (epochs ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), 0
    ) AS share_of_latest,
    rate_per_year(built_m2, lag(built_m2) OVER epochs, year - lag(year) OVER epochs) AS rate_per_year
FROM area_built_up
WINDOW epochs AS (PARTITION BY area_id, product ORDER BY year)
ORDER BY area_id, product, year;

COMMENT ON VIEW area_growth IS 'Built-up area of each area by epoch, with its yearly rate of growth.';
COMMENT ON COLUMN area_growth.year IS 'Epoch.';
