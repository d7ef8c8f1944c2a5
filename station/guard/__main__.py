"""The guard process itself: `python -m station.guard`, started by a run and by nobody else."""

from station.guard._watchman import main

if __name__ == "__main__":
    main()
