"""Many runs, or none: what a sequence catches, and how far its limits are from good packs."""
