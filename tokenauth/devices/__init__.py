"""Devices: PowerAuth activations, signatures and timestamp tokens.

What a device presents to a view goes from ``authentication``, or the middleware, to ``verification``, and
from there to ``token_verification`` (with ``nonces``) or to ``signed_requests``; both ask ``standing``.
``access`` is what it may do then.

What SDKs call is in ``views``. ``encrypted_requests`` opens what they send, by the keys of ``keystore``;
``key_exchange`` gives a device its activation for a code, ``activation_status`` tells how that stands, and
``tokens`` makes and ends tokens.

What people decide, in the admin or by commands, is in ``applications`` and ``lifecycle``. ``protocol`` is
what device and server compute alike: it knows no Django.
"""
