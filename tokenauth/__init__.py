"""Named, hashed, scoped access tokens for Django."""

__version__ = "0.1.0"
