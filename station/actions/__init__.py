"""The vocabulary of the sequence language: what each word does, one subject a file."""
