"""`/v1`: VideoConduit's API word for word, and Reelyard's own beyond it."""
