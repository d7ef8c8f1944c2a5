"""Plain, immutable data: quantities, limits, packs, benches, sequences, records and verdicts. Reads YAML, opens nothing."""
