"""Tables that only the documentation needs."""
