CREATE VIEW unregistered_summary AS
SELECT
    p.area_id,
    p.place_id,
    p.settlement_id,
    s.name,
    s.kind,
    s.status,
    s.status_year,
    p.residents_p05,
    p.residents_p50,
    p.residents_p95,
    p.registered_p05,
    p.registered_p50,
    p.registered_p95,
    p.unregistered_p05,
    p.unregistered_p50,
    p.unregistered_p95,
    p.registration_evidence AS evidence,
    p.registration_method AS method,
    p.year,
    a.told,
    a.people_seen_share,
    a.simulated
FROM settlement_population AS p
JOIN areas AS a USING (area_id)
LEFT JOIN settlements AS s USING (settlement_id)
ORDER BY p.area_id, p.settlement_id NULLS FIRST;

COMMENT ON VIEW unregistered_summary IS 'Residents, registered and unregistered people of each settlement, and of the homes in none, as 90 % intervals; those of whole areas are in area_population. Unregistered: registered nowhere in the city. Quantiles do not add up; for a group of settlements add up the draws (macro people_of, or novostroiki estimate).';
COMMENT ON COLUMN unregistered_summary.year IS 'Year of the inputs.';
