"""What can be wrong with an object, in the words of a notice."""

from typing import Final

RING: Final = "a closed way has too few points or no area and was dropped"
REPAIRED: Final = "an outline crosses or touches itself and was repaired"
NO_NODES: Final = "a way refers to nodes that are not in the file: an outline was dropped, a line kept in part"
NO_MEMBERS: Final = "a multipolygon has members that are not in the file and was dropped"
NO_RINGS: Final = "the members of a multipolygon form no ring and it was dropped"
NOT_CLOSED: Final = "a way that should be an outline does not close and was dropped"
UNTAGGED: Final = "a multipolygon without tags of its own took those of its outer ways"
REPEATED: Final = "an outer way repeats the tags of its multipolygon and was left to it, holes and all"
DELETED: Final = "an object is marked as deleted and was left out"
NO_AREA: Final = "a relation of a type that has no geometry of its own was left to its members"
ONLY_POINT: Final = "a node stands for what its layers take as an outline or line and was left out"
BAD_LOCATION: Final = "a node lies at no place on Earth and was left out"
