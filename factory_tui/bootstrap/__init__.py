"""Where parts are chosen and joined: the ground, the table of seats, the law, a session's start, the house."""
