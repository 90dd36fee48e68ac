"""HTTP and the command line: the wiring of everything else."""
