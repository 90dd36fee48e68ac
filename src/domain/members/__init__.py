"""Members: who they are, what is known of them, and who referred them."""
