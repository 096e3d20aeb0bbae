"""From a state to words and rows, as plain functions. Nothing here draws, decides or asks anybody."""
