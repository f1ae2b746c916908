"""The crystal table: nanobeam patterns of one phase from plane waves on one cell."""
