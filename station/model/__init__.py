"""Plain, immutable data: quantities, limits, packs, benches, sequences, records, verdicts. Reads YAML, opens nothing."""
