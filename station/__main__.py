"""`python -m station` is the command `station`."""

from station.cli.main import main

main()
