CREATE VIEW red_zone_summary AS
SELECT
    z.area_id,
    z.settlement_id,
    s.name,
    s.kind AS settlement_kind,
    z.hazard_class,
    r.name_en AS hazard,
    r.concern,
    r.kind AS rule_kind,
    r.distance_m AS limit_m,
    z.share,
    z.assumed,
    r.legal_reference,
    r.verified,
    z.rule_id
FROM red_zones AS z
JOIN settlements AS s USING (settlement_id)
JOIN red_zone_rules AS r USING (rule_id)
ORDER BY z.area_id, z.settlement_id, z.rule_id;

COMMENT ON VIEW red_zone_summary IS 'Which published settlements reach into which red zones, how many of their homes (codes of share), and on which law the zone rests.';
COMMENT ON COLUMN red_zone_summary.area_id IS 'Area.';
COMMENT ON COLUMN red_zone_summary.settlement_id IS 'Settlement.';
COMMENT ON COLUMN red_zone_summary.name IS 'Best-known name of the settlement.';
COMMENT ON COLUMN red_zone_summary.settlement_kind IS 'Class of the settlement.';
COMMENT ON COLUMN red_zone_summary.hazard_class IS 'Class of the hazard.';
COMMENT ON COLUMN red_zone_summary.hazard IS 'Name of the class in English.';
COMMENT ON COLUMN red_zone_summary.concern IS 'Whom the zone is about: residents or administrative.';
COMMENT ON COLUMN red_zone_summary.rule_kind IS 'Nature of the rule.';
COMMENT ON COLUMN red_zone_summary.limit_m IS 'Distance that the rule asks for. [m]';
COMMENT ON COLUMN red_zone_summary.share IS 'How many of its homes stand within the limit (codes of share).';
COMMENT ON COLUMN red_zone_summary.assumed IS 'True: a tag of the hazard is missing and an assumption was used.';
COMMENT ON COLUMN red_zone_summary.legal_reference IS 'Act that the distance rests on; empty: none known.';
COMMENT ON COLUMN red_zone_summary.verified IS 'True only where the distance was read in the act itself.';
COMMENT ON COLUMN red_zone_summary.rule_id IS 'Rule.';
