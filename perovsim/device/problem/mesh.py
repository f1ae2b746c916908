"""Cell-centred 1-D mesh: every layer refined towards both of its faces."""

import numpy as np

GRADING = 2.2
DEFAULT_CELLS = 100


def layer_faces(thickness: float, cells: int) -> np.ndarray:
    """Face positions (cells+1,) [m], x = (L/2)(1 + tanh(g s)/tanh(g)), s uniform in [-1, 1]."""
    s = np.linspace(-1.0, 1.0, cells + 1)
    faces = 0.5 * thickness * (1.0 + np.tanh(GRADING * s) / np.tanh(GRADING))
    faces[0], faces[-1] = 0.0, thickness
    return faces


class Mesh:
    """Faces, centres and widths [m] of a stack, and the layer index of every cell."""

    def __init__(self, thicknesses: list[float], cells: list[int | None]):
        faces, layer, start = [np.zeros(1)], [], 0.0
        for k, (length, count) in enumerate(zip(thicknesses, cells, strict=True)):
            own = layer_faces(length, count or DEFAULT_CELLS)
            faces.append(start + own[1:])
            layer += [k] * (own.size - 1)
            start += length
        self.faces = np.concatenate(faces)
        self.layer = np.array(layer)
        self.widths = np.concatenate(
            [np.diff(layer_faces(t, c or DEFAULT_CELLS)) for t, c in zip(thicknesses, cells, strict=True)]
        )
        self.centres = 0.5 * (self.faces[1:] + self.faces[:-1])
        self.n = self.layer.size

    def cells_of(self, device, name: str) -> np.ndarray:
        """Cells of the layer called `name`."""
        return np.nonzero([device.layers[k].name == name for k in self.layer])[0]
