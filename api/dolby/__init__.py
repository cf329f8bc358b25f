"""Dolby.io's Media API over Reelyard's jobs."""

from reelyard.api.dolby.routes import error_response, router

__all__ = ["error_response", "router"]
