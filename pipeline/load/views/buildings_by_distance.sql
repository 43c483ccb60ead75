CREATE VIEW buildings_by_distance AS
WITH nearest AS (
    SELECT b.area_id, b.settlement_id, h.hazard_class, b.building_id, b.home, min(h.distance_m) AS nearest_m
    FROM building_hazards AS h
    JOIN buildings AS b USING (building_id)
    GROUP BY ALL
), stepped AS (
    SELECT
        area_id,
        settlement_id,
        hazard_class,
        50 * ceil(nearest_m / 50)::BIGINT AS distance_m,
        count(*) AS n,
        count(*) FILTER (home) AS n_homes
    FROM nearest
    GROUP BY ALL
)
SELECT
    area_id,
    settlement_id,
    hazard_class,
    distance_m,
    sum(n) OVER (
        PARTITION BY area_id, settlement_id, hazard_class ORDER BY distance_m
    )::BIGINT AS buildings,
    sum(n_homes) OVER (
        PARTITION BY area_id, settlement_id, hazard_class ORDER BY distance_m
    )::BIGINT AS homes
FROM stepped
ORDER BY area_id, settlement_id NULLS FIRST, hazard_class, distance_m;

COMMENT ON VIEW buildings_by_distance IS 'How many buildings of a settlement lie within a distance of the nearest hazard of a class: the curve behind the map''s what-if slider, in steps of 50 m. Steps without a further building are left out.';
COMMENT ON COLUMN buildings_by_distance.distance_m IS 'Distance from the outline to the hazard''s edge, rounded up to 50 m; 0: touching or inside. [m]';
COMMENT ON COLUMN buildings_by_distance.buildings IS 'Buildings at this distance or nearer. [1]';
COMMENT ON COLUMN buildings_by_distance.homes IS 'Of these, homes. [1]';
