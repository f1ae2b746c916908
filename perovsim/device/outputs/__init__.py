"""Stored states as columns of a result: fields, terminals, conservation."""
