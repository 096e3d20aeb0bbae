"""Meeting rooms, booked over HTTP."""
