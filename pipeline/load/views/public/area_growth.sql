CREATE VIEW area_growth AS
SELECT
    area_id,
    product,
    year,
    modelled,
    built_ha,
    rate_per_year(built_ha, lag(built_ha) OVER epochs, year - lag(year) OVER epochs) AS rate_per_year
FROM area_built_up
WINDOW epochs AS (PARTITION BY area_id, product ORDER BY year)
ORDER BY area_id, product, year;

COMMENT ON VIEW area_growth IS 'Built-up area of each area by epoch, with its yearly rate of growth.';
COMMENT ON COLUMN area_growth.year IS 'Epoch.';
