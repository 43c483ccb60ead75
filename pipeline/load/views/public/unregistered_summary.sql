CREATE VIEW unregistered_summary AS
SELECT
    p.area_id,
    p.settlement_id,
    s.name,
    s.kind,
    s.status,
    s.status_year,
    p.residents_p05, p.residents_p50, p.residents_p95,
    p.registered_p05, p.registered_p50, p.registered_p95,
    p.unregistered_p05, p.unregistered_p50, p.unregistered_p95,
    p.registration_evidence AS evidence,
    p.registration_method AS method,
    p.year,
    a.told,
    a.people_seen_share,
    a.simulated
FROM settlement_population AS p
JOIN areas AS a USING (area_id)
JOIN settlements AS s USING (settlement_id)
ORDER BY p.area_id, p.settlement_id;

COMMENT ON VIEW unregistered_summary IS 'Residents, registered and unregistered people of each published settlement as 90 % intervals; those of whole areas are in area_population. Unregistered: registered nowhere in the city. Quantiles do not add up.';
COMMENT ON COLUMN unregistered_summary.area_id IS 'Area.';
COMMENT ON COLUMN unregistered_summary.settlement_id IS 'Settlement.';
COMMENT ON COLUMN unregistered_summary.name IS 'Best-known name of the settlement.';
COMMENT ON COLUMN unregistered_summary.kind IS 'Class of the settlement.';
COMMENT ON COLUMN unregistered_summary.status IS 'Legal status as published.';
COMMENT ON COLUMN unregistered_summary.status_year IS 'Year that the status refers to.';
COMMENT ON COLUMN unregistered_summary.residents_p05 IS 'People who live there, 5 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.residents_p50 IS 'People who live there, median. [person]';
COMMENT ON COLUMN unregistered_summary.residents_p95 IS 'People who live there, 95 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.registered_p05 IS 'People registered there, 5 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.registered_p50 IS 'People registered there, median. [person]';
COMMENT ON COLUMN unregistered_summary.registered_p95 IS 'People registered there, 95 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.unregistered_p05 IS 'Residents likely registered nowhere in the city, 5 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.unregistered_p50 IS 'Residents likely registered nowhere in the city, median. [person]';
COMMENT ON COLUMN unregistered_summary.unregistered_p95 IS 'Residents likely registered nowhere in the city, 95 % quantile. [person]';
COMMENT ON COLUMN unregistered_summary.evidence IS 'Where the deciding parameters come from: local, national or none.';
COMMENT ON COLUMN unregistered_summary.method IS 'Method of the unregistered estimate.';
COMMENT ON COLUMN unregistered_summary.year IS 'Year of the inputs.';
COMMENT ON COLUMN unregistered_summary.told IS 'What figures of people are about in this area (areas.told).';
COMMENT ON COLUMN unregistered_summary.people_seen_share IS 'Share of the people whom the inputs of the area show; NULL: unknown. [1]';
COMMENT ON COLUMN unregistered_summary.simulated IS 'True: the inputs were simulated; nothing here describes the real city.';
