CREATE VIEW red_zone_summary AS
SELECT
    o.area_id,
    o.settlement_id,
    s.name,
    s.kind AS settlement_kind,
    o.hazard_class,
    r.name_en AS hazard,
    r.concern,
    r.kind AS rule_kind,
    r.distance_m AS limit_m,
    o.nearest_m,
    o.buildings AS buildings_within,
    o.homes AS homes_within,
    o.buildings / s.buildings AS share_of_buildings,
    o.overlap_m2,
    o.overlap_share,
    o.severity,
    o.assumed,
    r.legal_reference,
    r.verified,
    o.rule_id
FROM red_zone_overlaps AS o
JOIN settlements AS s USING (settlement_id)
JOIN red_zone_rules AS r USING (rule_id)
ORDER BY o.area_id, o.severity DESC, o.settlement_id, o.rule_id;

COMMENT ON VIEW red_zone_summary IS 'Which settlements reach into which red zones, how far, and on which law the zone rests.';
COMMENT ON COLUMN red_zone_summary.nearest_m IS 'Least distance from a building of the settlement to the hazard. [m]';
COMMENT ON COLUMN red_zone_summary.buildings_within IS 'Buildings within the distance. [1]';
COMMENT ON COLUMN red_zone_summary.homes_within IS 'Of these, homes. [1]';
COMMENT ON COLUMN red_zone_summary.share_of_buildings IS 'buildings_within / buildings of the settlement. [1]';
COMMENT ON COLUMN red_zone_summary.overlap_m2 IS 'Land of the settlement inside the zone. [m2]';
COMMENT ON COLUMN red_zone_summary.overlap_share IS 'overlap_m2 / land of the settlement. [1]';
COMMENT ON COLUMN red_zone_summary.severity IS '0 none to 1 worst. [1]';
