"""What everything is made of: amounts, texts, spans of time, and what is wrong with them."""
