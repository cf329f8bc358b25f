"""Frames out of videos: single moments, or a stretch at a constant rate."""
