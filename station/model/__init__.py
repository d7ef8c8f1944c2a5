"""Plain, immutable data: quantities, limits, packs, benches, sequences, records, verdicts. It reads YAML, no more."""
