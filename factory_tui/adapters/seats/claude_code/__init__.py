"""Claude Code in a seat: its own program, enclosed; its every tool ours. Nothing here is imported before it is used."""
