"""The solver against other programs on the same problem, at tolerances stated beforehand."""

from __future__ import annotations

from perovsim.validate.peers.case import PeerCase, load_peer_case, peer_names
from perovsim.validate.peers.compare import Deviation, PeerRun, run_case
from perovsim.validate.peers.table import PeerTable, peer_table

__all__ = ["Deviation", "PeerCase", "PeerRun", "PeerTable", "load_peer_case", "peer_names", "peer_table", "run_case"]
