"""Sealed rows and their counts.

Outside a transaction its functions take a `Shelf`, inside one a `View`: a database and a connection with what is
remembered of the segments, without which every look would read them again.
"""
