CREATE VIEW settlement_growth AS
WITH series AS (
    SELECT
        *,
        lag(built_m2) OVER epochs AS before_m2,
        lag(year) OVER epochs AS before_year,
        last_value(built_m2) OVER (
            epochs ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS latest_m2
    FROM settlement_built_up
    WINDOW epochs AS (PARTITION BY place_id, product ORDER BY year)
)
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
    s.built_m2 / nullif(s.latest_m2, 0) AS share_of_latest,
    CASE WHEN s.before_m2 > 0 AND s.built_m2 > 0
        THEN pow(s.built_m2 / s.before_m2, 1.0 / (s.year - s.before_year)) - 1
    END AS rate_per_year
FROM series AS s
LEFT JOIN settlements AS t USING (settlement_id)
LEFT JOIN settlement_waves AS w USING (settlement_id)
ORDER BY s.area_id, s.settlement_id NULLS FIRST, s.product, s.year;

COMMENT ON VIEW settlement_growth IS 'Built-up area of each settlement, and of what lies in none, by epoch, with its yearly rate of growth, its onset, its wave and its founding in the literature. Areas of single settlements are low by about a sixth at every epoch alike, because outlines cut the cells of the raster; rates and onsets are not touched.';
COMMENT ON COLUMN settlement_growth.area_id IS 'Area.';
COMMENT ON COLUMN settlement_growth.place_id IS 'Settlement, or ''<area>/rest'': what lies in none.';
COMMENT ON COLUMN settlement_growth.settlement_id IS 'Settlement; NULL: what lies in none.';
COMMENT ON COLUMN settlement_growth.name IS 'Best-known name.';
COMMENT ON COLUMN settlement_growth.kind IS 'Kind of the settlement.';
COMMENT ON COLUMN settlement_growth.onset_year IS 'First year with a tenth of today''s built-up area.';
COMMENT ON COLUMN settlement_growth.wave IS 'Wave of the literature that holds the onset year.';
COMMENT ON COLUMN settlement_growth.founded_low IS 'Earliest year of founding in the literature.';
COMMENT ON COLUMN settlement_growth.founded_high IS 'Latest year of founding in the literature.';
COMMENT ON COLUMN settlement_growth.product IS 'Dataset; rates are only taken within one.';
COMMENT ON COLUMN settlement_growth.year IS 'Epoch.';
COMMENT ON COLUMN settlement_growth.modelled IS 'True: a projection of the producer, not an observation.';
COMMENT ON COLUMN settlement_growth.built_m2 IS 'Built-up area. [m2]';
COMMENT ON COLUMN settlement_growth.share_of_latest IS 'built_m2 / built-up area of the latest epoch. [1]';
COMMENT ON COLUMN settlement_growth.rate_per_year IS 'Compound rate since the epoch before; NULL: nothing was built then. [1/year]';
