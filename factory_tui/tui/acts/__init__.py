"""The table of what can be done, part by part; `bindings` joins them."""
