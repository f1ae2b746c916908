"""A device as tables of numbers: mesh, layers, species, films, reactions, initial state."""
