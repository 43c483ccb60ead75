"""The planner's map: tiles, payload and one self-contained page."""
