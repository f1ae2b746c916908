"""A device moving through the steps of a protocol."""
