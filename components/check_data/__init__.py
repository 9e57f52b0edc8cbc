"""Check data: a run goes on only if its data is still like that of the approved run."""
