"""What the log itself says: streams, events, and who was behind them."""
