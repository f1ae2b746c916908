"""Pure functions of the physics, in SI, without a solver."""
