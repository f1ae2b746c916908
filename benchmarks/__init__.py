"""Benchmarks: ``python -m benchmarks NAME [--json]``; one module per benchmark with ``run()``."""
