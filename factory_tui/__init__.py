"""Factory OS cockpit: role agents held to their limits by a program, supervised by one person."""

__version__ = "0.1.0"
