"""What all benchmarks share: runs in turns, noise, targets, tables, JSON."""
