"""The previews of a video or image, a module for each type."""
