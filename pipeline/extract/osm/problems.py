"""What can be wrong with an object: codes of notices (schema.notices)."""

from typing import Final

RING: Final = "ring_dropped"
REPAIRED: Final = "outline_repaired"
NO_NODES: Final = "nodes_missing"
NO_MEMBERS: Final = "members_missing"
NO_RINGS: Final = "no_rings"
NOT_CLOSED: Final = "not_closed"
UNTAGGED: Final = "tags_of_outer_ways"
REPEATED: Final = "outer_way_repeats_tags"
DELETED: Final = "deleted_object"
NO_AREA: Final = "relation_without_geometry"
ONLY_POINT: Final = "only_a_point"
BAD_LOCATION: Final = "node_off_earth"
