"""A person's own tokens, in a browser."""
