"""The drills: every fault and a quiet hour, measured with the real alerting."""
