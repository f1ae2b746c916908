"""What a detector gives: scans and images with provenance, counting statistics, files."""
