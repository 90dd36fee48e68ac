"""How bodies are read: exactly, with every fault named at its place."""
