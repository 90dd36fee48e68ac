"""Jobs: work that goes on by itself, in any process, and is taken up again by another when its process dies."""
