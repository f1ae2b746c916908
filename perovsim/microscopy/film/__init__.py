"""Films: the whole stack of an ageing device under a nanobeam, at a list of times, fast."""

from perovsim.microscopy.film.check import audit_film
from perovsim.microscopy.film.maps import strain_maps
from perovsim.microscopy.film.record import record_film
from perovsim.microscopy.film.store import open_film

__all__ = ["audit_film", "open_film", "record_film", "strain_maps"]
