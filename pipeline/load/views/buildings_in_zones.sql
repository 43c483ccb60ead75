CREATE VIEW buildings_in_zones AS
SELECT
    h.area_id,
    h.building_id,
    h.rule_id,
    h.hazard_class,
    r.concern,
    b.home,
    bool_or(z.assumed OR r.kind = 'proxy') AS assumed,
    min(h.distance_m) AS distance_m
FROM building_hazards AS h
JOIN buildings AS b USING (building_id)
JOIN red_zone_rules AS r USING (rule_id)
JOIN hazards AS z USING (hazard_id)
WHERE h.distance_m <= r.distance_m AND is_binding(r.kind) AND NOT h.doubtful
GROUP BY ALL;

COMMENT ON VIEW buildings_in_zones IS 'Which buildings stand in the binding zone of which rule. A zone binds where the hazard is the zone itself (inside), where an act sets the distance (statutory), or where the rule stands for an act that is not known (proxy, marked as assumed); advisory zones are left out, and so are doubtful buildings. One building may stand in several zones: count(DISTINCT building_id), of homes with FILTER (home).';
COMMENT ON COLUMN buildings_in_zones.building_id IS 'Building.';
COMMENT ON COLUMN buildings_in_zones.home IS 'True: it is a home; false: a shed, a shop, another building.';
COMMENT ON COLUMN buildings_in_zones.assumed IS 'True: the rule is an approximation, or one of its hazards here lacks a tag and an assumption was used.';
COMMENT ON COLUMN buildings_in_zones.distance_m IS 'Distance from the outline to the nearest hazard of the rule. [m]';
