CREATE VIEW settlement_growth AS
WITH series AS (
    SELECT
        *,
        lag(built_ha) OVER epochs AS before_ha,
        lag(year) OVER epochs AS before_year
    FROM settlement_built_up
    WINDOW epochs AS (PARTITION BY settlement_id, product ORDER BY year)
)
SELECT
    s.area_id,
    s.settlement_id,
    t.name,
    t.kind,
    t.onset_year,
    s.product,
    s.year,
    s.modelled,
    s.built_ha,
    CASE WHEN s.before_ha > 0 AND s.built_ha > 0
        THEN pow(s.built_ha / s.before_ha, 1.0 / (s.year - s.before_year)) - 1
    END AS rate_per_year
FROM series AS s
JOIN settlements AS t USING (settlement_id)
ORDER BY s.area_id, s.settlement_id, s.product, s.year;

COMMENT ON VIEW settlement_growth IS 'Built-up area of each published settlement by epoch, with its yearly rate of growth and its onset.';
COMMENT ON COLUMN settlement_growth.area_id IS 'Area.';
COMMENT ON COLUMN settlement_growth.settlement_id IS 'Settlement.';
COMMENT ON COLUMN settlement_growth.name IS 'Best-known name.';
COMMENT ON COLUMN settlement_growth.kind IS 'Kind of the settlement.';
COMMENT ON COLUMN settlement_growth.onset_year IS 'First year with a tenth of today''s built-up area.';
COMMENT ON COLUMN settlement_growth.product IS 'Dataset; rates are only taken within one.';
COMMENT ON COLUMN settlement_growth.year IS 'Epoch.';
COMMENT ON COLUMN settlement_growth.modelled IS 'True: a projection of the producer, not an observation.';
COMMENT ON COLUMN settlement_growth.built_ha IS 'Built-up area. [ha]';
COMMENT ON COLUMN settlement_growth.rate_per_year IS 'Compound rate since the epoch before; NULL: nothing was built then. [1/year]';
