"""What every process needs: logs, probes, shutdown, traces."""
