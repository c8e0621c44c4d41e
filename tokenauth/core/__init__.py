"""The logic. Imports Django; never REST framework, never a view."""
