CREATE VIEW settlement_growth AS
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
    rate_per_year(s.built_ha, lag(s.built_ha) OVER epochs, s.year - lag(s.year) OVER epochs) AS rate_per_year
FROM settlement_built_up AS s
JOIN settlements AS t USING (settlement_id)
WINDOW epochs AS (PARTITION BY s.settlement_id, s.product ORDER BY s.year)
ORDER BY s.area_id, s.settlement_id, s.product, s.year;

COMMENT ON VIEW settlement_growth IS 'Built-up area of each published settlement by epoch, with its yearly rate of growth and its onset.';
COMMENT ON COLUMN settlement_growth.year IS 'Epoch.';
