"""What can fill a role. An explicit table in `bootstrap`, no plug-in magic."""
