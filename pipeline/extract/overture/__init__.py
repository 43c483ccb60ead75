"""Overture Maps' buildings."""
