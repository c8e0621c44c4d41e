"""PowerAuth 3.1, 3.2 and 3.3 (and 3.0, which is old) as functions over bytes, for a server and for a device.

The protocol is Wultra's, and published: the pages are in the folder ``docs`` of
https://github.com/wultra/powerauth-crypto. Each module names the one that it implements. Nothing here
knows Django, a database, a network or a clock: what is random is made here, what is now is told by the
caller, in milliseconds since 1970.

Whatever is wrong with what came from outside is a ``ProtocolError``, and no secret is in its text.
"""
