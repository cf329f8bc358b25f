"""What the preview operation makes, a module for each type."""
