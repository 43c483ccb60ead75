"""Every notice in a sentence, by its code, without the count: the one place of these texts, in English as stderr is.

What stands in braces are the values of the notice.
"""

from __future__ import annotations

SENTENCES = {
    "area_left_out": "an area was left out: {reason}",
    "built_up_falls": "built-up area falls from one epoch to the next; are the epochs' files in the right order?",
    "cell_below_zero": "cell below zero; taken as no data",
    "cells_hold_little": (
        "no cell of {cell_m2:,.0f} m² holds more than {largest_m2:g} m²: are these shares or per cent?"
    ),
    "closed_line_as_area": "a closed line bounds an area of its class and was read as one",
    "coordinate_no_number": "a coordinate is no number: the object was dropped",
    "crs_assumed": "says nothing of its coordinate system; WGS 84 was assumed, since its coordinates lie in the area",
    "deleted_object": "an object is marked as deleted and was left out",
    "epochs_of_one_file": "the same file stands for {years}; it was used for {used} alone",
    "extents_differ": "the two cover different extents; buildings beyond their common ground were left out",
    "extract_partial": "the files say that they cover {share:.0%} of the bbox of {area}; beyond that nothing is known",
    "footprint_empty": "a footprint is empty, has too few points or no area and was dropped",
    "footprint_no_polygon": "a footprint is no polygon and was dropped",
    "footprint_parts": "a feature holds several polygons, and each was taken as a footprint",
    "footprint_read_elsewhere": "a footprint is OpenStreetMap's or Microsoft's, read there",
    "footprint_repaired": "a footprint crosses or touches itself and was repaired",
    "footprint_twice": "the same footprint came twice and was taken once",
    "gdal_warns": "GDAL: {text}",
    "geometry_repaired": "a geometry crosses or touches itself and was repaired",
    "geometry_twice": "an object has the very geometry of another and is used once",
    "geometry_without_extent": "a geometry without extent was dropped",
    "house_doubtful": (
        "house beside a house of OpenStreetMap, where the two sources lie apart by more than could be found out; "
        "taken for the same house and not counted twice (give footprints that fit the map)"
    ),
    "house_within_footprint": "house that OpenStreetMap lacks, within a footprint of several; added",
    "index_without_area": "its index names no file for {area}",
    "labels_contradict": "a label contradicts another one of the same settlement; neither counts",
    "labels_learned": (
        "{labels} labelled settlements taught the kinds; each left out in turn, the others tell {right} of them right, "
        "the shipped weights {shipped}"
    ),
    "labels_of_one_kind": "all labels say {kind}; what tells it from other kinds cannot be learned from them",
    "labels_off_map": "a label lies outside the bbox of {area} and was left out",
    "labels_show_style": "what is but style elsewhere tells kinds apart here, as the labels show, and was used",
    "labels_unmatched": "a label speaks of no settlement of {area}, or of a name that several have; it was left out",
    "layer_chosen": "of its layers ({layers}), {layer} was read",
    "levels_unreadable": "building:levels that is no number of storeys; ignored",
    "line_unreadable": "a line is no GeoJSON feature and was passed over",
    "members_missing": "a multipolygon has members that are not in the file and was dropped",
    "name_cut": "a name is longer than {longest} characters and was cut",
    "no_footprint_here": "holds no footprint within the bbox of {area}",
    "no_height_here": "holds no height of a building within the bbox of {area}",
    "no_homes": "no building can be a home; nothing is said about its population",
    "no_object_here": "holds nothing that {area} asks for, near its bbox",
    "no_rings": "the members of a multipolygon form no ring and it was dropped",
    "no_rule_fits": "no rule fits the object's tags: it was left out",
    "node_off_earth": "a node lies at no place on Earth and was left out",
    "nodes_missing": "a way refers to nodes that are not in the file: an outline was dropped, a line kept in part",
    "not_closed": "a way that should be an outline does not close and was dropped",
    "nothing_built": "nothing is built up in the whole area in {years}",
    "number_in_another_unit": (
        "a number without a unit was read in the only one that it can be meant in (110 on a power line as 110 kV)"
    ),
    "object_twice": "an object was given twice and is used once",
    "object_without_geometry": "an object without geometry was dropped",
    "only_a_point": "a node stands for what its layers take as an outline or line and was left out",
    "outer_way_repeats_tags": "an outer way repeats the tags of its multipolygon and was left to it, holes and all",
    "outline_encloses": "outline that encloses several buildings of its source; dropped",
    "outline_huge": "outline above {most_m2:,.0f} m², no single building; dropped",
    "outline_repaired": "an outline crosses or touches itself and was repaired",
    "outline_repeats": "outline that repeats another of its source or lies within it; dropped",
    "outline_self_crossing": "self-crossing outline; repaired",
    "outline_tiny": "outline below {least_m2:g} m²; dropped",
    "outline_unusable": "outline without a usable polygon (empty, not finite, or no area); dropped",
    "point_in_area": "a point lies in an area of its class and stands for it: the area is used",
    "partly_seen": "the inputs cover about {share:.0%} of its people; the estimate is of the mapped part",
    "raster_bands": "has {bands} bands; the first was read",
    "raster_holds_many_fewer": (
        "it holds {people:,.0f} people, {times:,.0f} times fewer than the estimate: it is of another date or unit"
    ),
    "raster_holds_many_more": (
        "it holds {people:,.0f} people, {times:,.0f} times the estimate: "
        "buildings are missing, or its cells hold people per square kilometre and not people"
    ),
    "raster_misses_settlements": "settlements in which it shows nobody",
    "raster_partial": "the raster covers only a part of {area}; beyond it nothing is known",
    "raster_shows_nobody": "it holds nobody here, so it is no cross-check",
    "raster_without_nodata": "declares no nodata value; every value was taken as data, negative ones as none",
    "register_above_residents": (
        "{place}: {people:,.0f} registered people exceed the upper estimate of residents ({upper:,.0f}); "
        "buildings may be missing, or the register inflated"
    ),
    "register_beside_raster": (
        "{registered:,.0f} people are registered in the whole area, where the population raster shows {people:,.0f}; "
        "the register may be of another boundary, and was believed the less"
    ),
    "register_implausible": (
        "{place}: {people:,.0f} registered people are more than {times:g} times any plausible number of "
        "residents ({upper:,.0f}); the register was not used"
    ),
    "register_names_unknown": "{names}: is no settlement found here, or more than one; such rows were left out",
    "register_of_another_boundary": (
        "{place}: {people:,.0f} people are registered, where the houses found are believed to hold {residents:,.0f}; "
        "the register is rather of another boundary, and was believed the less"
    ),
    "register_of_another_time": (
        "its figures are of {register}, the houses of {houses}; residents and register are of different times"
    ),
    "register_rows_of_one_place": "{rows}: are rows of one place; the latest counts, the largest of a year",
    "register_rows_unusable": "rows that register nobody, or a negative number, were left out",
    "registers_above_houses": (
        "the middle of {registers:.0f} registers of settlements is higher than {believed:.0%} of what was believed "
        "of their houses: homes hold more people than the priors say (several households in a house?), or more are "
        "registered"
    ),
    "registers_below_houses": (
        "the middle of {registers:.0f} registers of settlements is lower than {believed:.0%} of what was believed "
        "of their houses: homes stand empty or hold fewer people than the priors say, or fewer are registered"
    ),
    "register_whole_too_small": (
        "{whole:,.0f} people in the whole area are fewer than the {parts:,.0f} in its settlements ({name}: "
        "{people:,.0f}); the figure of the whole area was not used"
    ),
    "relation_without_geometry": "a relation of a type that has no geometry of its own was left to its members",
    "ring_dropped": "a closed way has too few points or no area and was dropped",
    "restricted": "its licence ({licence}) allows {restriction}, of any output of this run",
    "row_of_totals": (
        "row {row} ({title} {total}) is a total (the rows add up to {added:,}) and was left out; where it is the "
        "figure of the whole area, leave its name empty"
    ),
    "row_without_figures": "row {row} ({text}) holds no figures and was left out",
    "runway_area_and_line": "a runway is mapped as an area and as a line: the line is used",
    "runway_joined": "a piece of a runway was joined to the piece before it",
    "settlement_outline_dropped": "an outline without an area was left out",
    "settlement_outline_repaired": "an outline was made valid",
    "settlements_without_homes": (
        "settlements have no building that can be a home; nothing is said about their population"
    ),
    "settlement_outlines_overlap": (
        "outlines overlap by {shared_ha:,.1f} ha: built-up area there counts in each, so they add up to more"
    ),
    "source_missing": "missing: {reason}",
    "survey_names_unknown": (
        "{names}: is no settlement found here, or more than one; such rows speak for the city as a whole"
    ),
    "survey_rows_unusable": "rows without houses, or with a negative number of persons, were left out",
    "survey_small": "only {houses:g} houses were visited: intervals hardly become narrower",
    "tempered": "register and survey contradict the priors; they were believed to the power of {power:.2f} only",
    "tags_of_outer_ways": "a multipolygon without tags of its own took those of its outer ways",
    "tile_empty": "a tile without a single object, as a second reply confirmed",
}
