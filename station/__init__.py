"""A hardware-in-the-loop production test station for 48 V LiFePO4 rack battery packs."""

__version__ = "0.1.0"
