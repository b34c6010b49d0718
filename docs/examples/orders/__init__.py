"""The orders of a shop: an example service."""
