"""Plain, immutable data: quantities, limits, packs, benches, sequences, plans, records and verdicts. No I/O beyond reading YAML."""
