"""The frame of all pages: who is signed in, how things are written, and the files they use."""
