"""Carries a sequence out on one pack: plan, deadlines, waiting, abort, safe state, judging."""
