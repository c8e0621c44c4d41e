"""The forms by which people make and rotate tokens, in the admin as on their own page."""
