"""What every study file has: a name, a device, a protocol, and where it was read from."""

from __future__ import annotations

from pathlib import Path

from perovsim.model import Protocol, load_protocol
from perovsim.model.base import FileData
from perovsim.model.names import Name


class StudyFile(FileData):
    """A study; device and protocol are files beside it or shipped names."""

    name: Name
    description: str = ""
    device: str
    protocol: str

    def load_protocol(self) -> Protocol:
        """Read the protocol."""
        return load_protocol(self._beside(self.protocol))

    def _beside(self, name: str) -> str | Path:
        """Return the path beside the study file where there is one, else the name as written."""
        if self._source_path is not None:
            beside = self._source_path.parent / name
            if beside.is_file():
                return beside
        return name
