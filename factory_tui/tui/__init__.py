"""The cockpit: the only floor that knows Textual."""
