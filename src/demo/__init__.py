"""The program that `laurel demo` shows."""
