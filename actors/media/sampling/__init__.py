"""Pictures out of films: single moments, or a stretch at a constant rate."""
