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
COMMENT ON COLUMN red_zone_summary.share IS 'How many of its homes stand within the limit (codes of share).';
