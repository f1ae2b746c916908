"""The base of all model objects: frozen, no unknown keys, copies instead of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from perovsim.model.names import did_you_mean
from perovsim.model.quantity import Quantity

if TYPE_CHECKING:
    from perovsim.model.document import Document


class PlacedError(ValueError):
    """A complaint about a part further inside than the object that found it."""

    def __init__(self, message: str, *key: str | int) -> None:
        super().__init__(message)
        self.key = key


class ModelData(BaseModel):
    """Plain frozen data read from a model file or built in Python."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        arbitrary_types_allowed=True,
        defer_build=True,
    )

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            from perovsim.model.validate import python_error

            raise python_error(error, type(self).__name__, fields) from None

    # pydantic must not call this constructor for nested tables: it would lose their place
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _reject_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = cls.known_keys()
            for key in data:
                if key not in known and key not in cls.model_fields:
                    hint = did_you_mean(str(key), known)
                    raise PydanticCustomError("unknown_key", "unknown key '{key}'; {hint}", {"key": key, "hint": hint})
        return data

    @classmethod
    def known_keys(cls) -> tuple[str, ...]:
        """Return the keys as written in a file."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    def quantities(self) -> Iterator[tuple[str, Quantity]]:
        """Yield (field name, Quantity) of the numbers that are given."""
        for name in type(self).model_fields:
            item = getattr(self, name)
            if isinstance(item, Quantity):
                yield name, item

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        copy = type(self).model_validate({**self._fields(), **changes})
        if self.__pydantic_private__ is not None:
            copy.__pydantic_private__.update(self.__pydantic_private__)
        return copy

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields}

    def __eq__(self, other: object) -> bool:
        """Equal when every field is, wherever the object was read from."""
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(repr(self))


class FileData(ModelData):
    """Data of a whole model file, which it remembers."""

    _source_path: Path | None = PrivateAttr(default=None)
    _source_text: str = PrivateAttr(default="")

    @property
    def source_path(self) -> Path | None:
        """The file, or None when made in Python."""
        return self._source_path

    @property
    def source_text(self) -> str:
        """The file as read."""
        return self._source_text

    def read_from(self, document: Document) -> Self:
        """Remember the file that the data come from; return the same object."""
        self._source_path, self._source_text = document.path, document.text
        return self
