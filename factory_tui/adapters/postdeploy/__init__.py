"""Level 4: the 33 checks after a deployment, and a project's own."""
