"""ittybit's API over Reelyard's jobs."""

from reelyard.api.ittybit.routes import error_response, router

__all__ = ["error_response", "router"]
