"""Devices: PowerAuth activations, signatures and timestamp tokens."""
