"""What the command line offers beside a run: query, serve, diff, layers, docs."""
