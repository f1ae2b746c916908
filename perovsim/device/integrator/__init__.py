"""The time integrator, and the equations as it sees them."""
