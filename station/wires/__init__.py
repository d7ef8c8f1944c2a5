"""One gate for each connection: VISA resources and serial ports, with deadlines of the run's own and a fence."""
