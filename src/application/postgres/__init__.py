"""Postgres: the server we bring ourselves, and the connections to it or to one that is given."""
