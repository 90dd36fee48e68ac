"""The first page: the whole program."""
