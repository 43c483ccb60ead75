CREATE VIEW area_growth AS
WITH series AS (
    SELECT
        *,
        lag(built_ha) OVER epochs AS before_ha,
        lag(year) OVER epochs AS before_year
    FROM area_built_up
    WINDOW epochs AS (PARTITION BY area_id, product ORDER BY year)
)
SELECT
    s.area_id,
    s.product,
    s.year,
    s.modelled,
    s.built_ha,
    CASE WHEN s.before_ha > 0 AND s.built_ha > 0
        THEN pow(s.built_ha / s.before_ha, 1.0 / (s.year - s.before_year)) - 1
    END AS rate_per_year
FROM series AS s
ORDER BY s.area_id, s.area_id, s.product, s.year;

COMMENT ON VIEW area_growth IS 'Built-up area of each area by epoch, with its yearly rate of growth.';
COMMENT ON COLUMN area_growth.area_id IS 'Area.';
COMMENT ON COLUMN area_growth.product IS 'Dataset; rates are only taken within one.';
COMMENT ON COLUMN area_growth.year IS 'Epoch.';
COMMENT ON COLUMN area_growth.modelled IS 'True: a projection of the producer, not an observation.';
COMMENT ON COLUMN area_growth.built_ha IS 'Built-up area. [ha]';
COMMENT ON COLUMN area_growth.rate_per_year IS 'Compound rate since the epoch before; NULL: nothing was built then. [1/year]';
