"""What the ingest process counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCH_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class IngestMetrics:
    """Counters of rows and batches, per topic where that makes sense."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reports = Counter(
            "vt600_ingest_reports_total",
            "Reports read from the bus, stored or known before",
            ["result"],
            registry=registry,
        )
        self.late = Counter("vt600_ingest_late_reports_total", "New reports that came late", registry=registry)
        self.frames = Counter("vt600_ingest_frames_total", "Frames read from the bus", registry=registry)
        self.pending_dropped = Counter(
            "vt600_ingest_pending_dropped_total",
            "Frames of devices that nobody registered, not stored",
            ["reason"],
            registry=registry,
        )
        self.batches = Counter("vt600_ingest_batches_total", "Batches that are stored", ["topic"], registry=registry)
        self.batch_seconds = Histogram(
            "vt600_ingest_batch_seconds",
            "From a batch read to its rows committed",
            ["topic"],
            buckets=_BATCH_SECONDS,
            registry=registry,
        )
        self.dead_letters = Counter(
            "vt600_ingest_dead_letters_total", "Records that could not be handled", ["topic"], registry=registry
        )
        self.retries = Counter(
            "vt600_ingest_retries_total", "Batches tried again: store or bus away", ["topic"], registry=registry
        )
        self.lag = Gauge("vt600_ingest_lag_records", "Records that wait on the bus", ["topic"], registry=registry)
