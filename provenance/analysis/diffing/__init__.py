"""Why two artifacts differ: align their chains, compare step by step, order the causes."""
