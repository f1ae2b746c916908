"""What a verb has already written, for the message when it ends early."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Kept:
    """Files that are complete, and what continues the work."""

    files: list[str] = field(default_factory=list)
    remedy: str = ""

    def add(self, file: object) -> None:
        """Remember a file that is complete."""
        self.files.append(str(file))

    def __str__(self) -> str:
        files = ["kept: " + ", ".join(self.files)] if self.files else []
        return "; ".join([*files, self.remedy] if self.remedy else files) or "nothing was written"

    def after_error(self) -> str:
        """Return the addition to an error message: what was kept, if anything."""
        return f" (kept: {', '.join(self.files)})" if self.files else ""
