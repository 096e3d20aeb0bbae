"""What is true and what follows from it: pure values and pure functions."""
