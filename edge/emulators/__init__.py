"""The far end of each driver, as programs of their own: `python -m edge.emulators --help`.

They speak the real bytes over pty pairs and take orders over a unix socket. They share nothing with the
drivers but the published frame layouts.
"""
