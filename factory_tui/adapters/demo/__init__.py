"""The demo: a small real product, and the script and the supervisor that play one mission on it."""
