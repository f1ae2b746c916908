"""Wave optics: probe, grid, potentials, slices, snapshots of moving atoms, positions of a scan."""
