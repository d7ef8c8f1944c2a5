"""The front door: parses what was typed, starts it, shows what came of it."""
