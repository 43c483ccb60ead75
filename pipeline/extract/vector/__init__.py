"""Files of GIS formats, whichever they are: found by what they hold, unpacked, and read layer by layer."""
