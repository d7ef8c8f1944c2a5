"""The process that makes the bench safe when the run cannot."""
