"""The parts that touch the world: files, git, processes, models."""
