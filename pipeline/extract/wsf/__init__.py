"""The World Settlement Footprint of the German Aerospace Center: when each cell was first built up."""
