"""What Reelyard is measured against."""
