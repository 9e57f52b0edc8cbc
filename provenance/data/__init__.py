"""Tables: what they look like, and how two of them differ."""
