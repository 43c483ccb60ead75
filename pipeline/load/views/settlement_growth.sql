CREATE VIEW settlement_growth AS
SELECT
    s.area_id,
    s.place_id,
    s.settlement_id,
    t.name,
    t.kind,
    t.onset_year,
    w.wave,
    w.founded_low,
    w.founded_high,
    s.product,
    s.year,
    s.modelled,
    s.built_m2,
    s.built_m2 / nullif(
        last_value(s.built_m2) OVER (epochs ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), 0
    ) AS share_of_latest,
    rate_per_year(s.built_m2, lag(s.built_m2) OVER epochs, s.year - lag(s.year) OVER epochs) AS rate_per_year
FROM settlement_built_up AS s
LEFT JOIN settlements AS t USING (settlement_id)
LEFT JOIN settlement_waves AS w USING (settlement_id)
WINDOW epochs AS (PARTITION BY s.place_id, s.product ORDER BY s.year)
ORDER BY s.area_id, s.settlement_id NULLS FIRST, s.product, s.year;

COMMENT ON VIEW settlement_growth IS 'Built-up area of each settlement, and of what lies in none, by epoch, with its yearly rate of growth, its onset, its wave and its founding in the literature. Areas of single settlements are low by about a sixth at every epoch alike, because outlines cut the cells of the raster; rates and onsets are not touched.';
COMMENT ON COLUMN settlement_growth.wave IS 'Wave of the literature that holds the onset year.';
COMMENT ON COLUMN settlement_growth.founded_low IS 'Earliest year of founding in the literature.';
COMMENT ON COLUMN settlement_growth.founded_high IS 'Latest year of founding in the literature.';
COMMENT ON COLUMN settlement_growth.year IS 'Epoch.';
