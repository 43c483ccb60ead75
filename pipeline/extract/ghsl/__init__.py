"""The Global Human Settlement Layer of the Joint Research Centre: built-up surface and population."""
