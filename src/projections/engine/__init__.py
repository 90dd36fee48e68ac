"""How projections follow the log: folds, rows, rebuilds, and what a rebuild proves."""
