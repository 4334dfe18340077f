"""The pure core: report -> event -> tension. No Kafka, clock, disk, environment or logging."""
