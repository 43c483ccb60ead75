"""GlobalBuildingAtlas: heights of buildings, in tiles of five degrees."""
