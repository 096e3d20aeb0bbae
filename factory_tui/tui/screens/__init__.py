"""What fills the whole terminal: the floor, an object to answer, a text, a list, the way out."""
