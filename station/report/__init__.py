"""The certificate: a record drawn as pages, signed by the station's key, and verified.

Nothing is imported here, so that whoever needs keys does not load the page layout, and the other way round.
"""
