"""Pipelyn's API over Reelyard's jobs."""

from reelyard.api.pipelyn.routes import error_response, router

__all__ = ["error_response", "router"]
