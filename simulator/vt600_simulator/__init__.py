"""Virtual VT600 trackers that speak through the same codec in the device role."""
